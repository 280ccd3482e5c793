// Which images a node lets go: those unused for too long, and the longest unused when the disk fills. Follows kubelet's image manager.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle

export interface ImageGcPolicy {
  /** Used part of the disk at which images begin to go; 100: never. */
  highThresholdPercent: number;
  /** Down to which they go. */
  lowThresholdPercent: number;
  /** An image known for less is left alone: its container may be about to start. */
  minimumAgeMs: number;
  /** Unused for longer, an image goes whatever room there is; 0: none does. */
  maximumAgeMs: number;
}

export interface NodeImage {
  id: string;
  sizeBytes: number;
  /** The runtime cannot do without it (the pause image). */
  pinned: boolean;
  /** Some container is made of it, running or dead. */
  used: boolean;
}

/** Milliseconds since the epoch; 0: before anybody looked, or never. */
interface ImageRecord {
  firstDetectedMs: number;
  lastUsedMs: number;
}

/** By image id. */
export type ImageRecords = ReadonlyMap<string, ImageRecord>;

/** Bytes. */
export interface DiskRoom {
  capacity: number;
  available: number;
}

/** What is known of the images that are there now. `known`: undefined at the first look, when nobody can tell how old they are. */
export const noteImages = (known: ImageRecords | undefined, images: readonly NodeImage[], now: number): ImageRecords =>
  new Map(
    images.map(({ id, used }) => {
      const before = known?.get(id) ?? { firstDetectedMs: known ? now : 0, lastUsedMs: 0 };
      return [id, used ? { ...before, lastUsedMs: now } : before];
    }),
  );

/** Neither used nor pinned: the longest unused first, and of those the longest known. */
function unused(records: ImageRecords, images: readonly NodeImage[]): { image: NodeImage; record: ImageRecord }[] {
  return images
    .filter(({ used, pinned }) => !used && !pinned)
    .flatMap((image) => {
      const record = records.get(image.id);
      return record ? [{ image, record }] : [];
    })
    .sort(
      (a, b) =>
        a.record.lastUsedMs - b.record.lastUsedMs ||
        a.record.firstDetectedMs - b.record.firstDetectedMs ||
        (a.image.id < b.image.id ? -1 : 1),
    );
}

/**
 * Images past the maximum age. `since`: when this process began to look: before it has looked for so long, it cannot know.
 */
export function expiredImages(
  records: ImageRecords,
  images: readonly NodeImage[],
  policy: ImageGcPolicy,
  now: number,
  since: number,
): NodeImage[] {
  if (policy.maximumAgeMs === 0 || now - since <= policy.maximumAgeMs) return [];
  return unused(records, images)
    .filter(({ record }) => now - record.lastUsedMs > policy.maximumAgeMs)
    .map(({ image }) => image);
}

/** The used part as kubelet counts it, in whole percents. */
const usedPercent = ({ capacity, available }: DiskRoom): number =>
  100 - Math.trunc((Math.min(available, capacity) * 100) / capacity);

/** 0 below the threshold; otherwise what it takes to come down to the low one. `disk.capacity` is not 0. */
export function bytesToFree(disk: DiskRoom, policy: ImageGcPolicy): number {
  if (policy.highThresholdPercent >= 100 || usedPercent(disk) < policy.highThresholdPercent) return 0;
  const wanted = Math.trunc((disk.capacity * (100 - policy.lowThresholdPercent)) / 100);
  return Math.max(wanted - Math.min(disk.available, disk.capacity), 0);
}

/** In the order in which they go until enough is free. */
export const evictionOrder = (
  records: ImageRecords,
  images: readonly NodeImage[],
  policy: ImageGcPolicy,
  now: number,
): NodeImage[] =>
  unused(records, images)
    .filter(({ record }) => record.lastUsedMs < now && now - record.firstDetectedMs >= policy.minimumAgeMs)
    .map(({ image }) => image);

/** The event FreeDiskSpaceFailed, in kubelet's words. */
export function noRoomMessage({ capacity, available }: DiskRoom): string {
  const percent = (100 * (1 - Math.min(available, capacity) / capacity)).toFixed(1);
  const gibibytes = (capacity / 2 ** 30).toFixed(1);
  return (
    `Insufficient free disk space on the node's image filesystem (${percent}% of ${gibibytes} GiB used). ` +
    'Failed to free sufficient space by deleting unused images. Consider resizing the disk or deleting unused files.'
  );
}
