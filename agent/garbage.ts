// What a node lets go by itself: dead containers every minute, images every five when its disk fills, as kubelet does.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#containers-images
import { statfs } from 'node:fs/promises';
import { removals } from '../core/kubelet/container-gc.ts';
import {
  bytesToFree,
  type DiskRoom,
  evictionOrder,
  expiredImages,
  type ImageRecords,
  type NodeImage,
  noRoomMessage,
  noteImages,
} from '../core/kubelet/image-gc.ts';
import type { Log } from '../core/ports.ts';
import type { Agent } from './agent.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import { ignoreNotFound } from './cri/context.ts';
import type { Observer } from './cri/observer.ts';
import { goRpcError } from './images/images.ts';
import { pauseImage } from './images/pause.ts';
import type { Runtime } from './runtime.ts';

const containersEveryMs = 60_000;
const imagesEveryMs = 300_000;

/** Writes an event about the node. */
type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

interface ImageGarbageDeps {
  config: ResolvedConfig;
  cri: Pick<Cri, 'listImages' | 'listContainers' | 'removeImage' | 'imageFs'>;
  tell: Tell;
  log: Log;
  /** Of the disk that holds the images. Default: as the kernel says. */
  room?: () => Promise<DiskRoom>;
}

export class ImageGarbage {
  readonly #deps: ImageGarbageDeps;
  readonly #since = Date.now();
  #records: ImageRecords | undefined;
  #failedBefore = false;

  constructor(deps: ImageGarbageDeps) {
    this.#deps = deps;
  }

  /** Looks, and removes what has to go. Never throws: the second failure in a row becomes an event. */
  async collect(): Promise<void> {
    const { log, tell } = this.#deps;
    try {
      await this.#collect();
      this.#failedBefore = false;
    } catch (error) {
      const message = goRpcError(error);
      log('warn', 'image garbage collection failed', { error: message });
      if (this.#failedBefore) tell('Warning', 'ImageGCFailed', message);
      this.#failedBefore = true;
    }
  }

  async #collect(): Promise<void> {
    const { config, tell } = this.#deps;
    const policy = {
      highThresholdPercent: config.imageGCHighThresholdPercent,
      lowThresholdPercent: config.imageGCLowThresholdPercent,
      minimumAgeMs: config.imageMinimumGCAgeSeconds * 1000,
      maximumAgeMs: config.imageMaximumGCAgeSeconds * 1000,
    };
    const now = Date.now();
    const images = await this.#images();
    this.#records = noteImages(this.#records, images, now);
    const expired = expiredImages(this.#records, images, policy, now, this.#since);
    await this.#remove(expired, Number.POSITIVE_INFINITY);
    const room = await (this.#deps.room ?? (() => this.#room()))();
    if (room.capacity === 0) {
      const message = 'invalid capacity 0 on image filesystem';
      tell('Warning', 'InvalidDiskCapacity', message);
      throw new Error(message);
    }
    const wanted = bytesToFree(room, policy);
    if (wanted === 0) return;
    const left = images.filter((image) => !expired.includes(image));
    const freed = await this.#remove(evictionOrder(this.#records, left, policy, now), wanted);
    if (freed >= wanted) return;
    tell('Warning', 'FreeDiskSpaceFailed', noRoomMessage(room));
    throw new Error(noRoomMessage(room));
  }

  /** Returns the bytes of those that went. Throws the last failure, after all were tried. */
  async #remove(images: readonly NodeImage[], enough: number): Promise<number> {
    let freed = 0;
    let failure: unknown;
    for (const { id, sizeBytes } of images) {
      if (freed >= enough) break;
      try {
        await this.#deps.cri.removeImage({ image: id });
        freed += sizeBytes;
        this.#deps.log('info', 'image removed to free space', { image: id, bytes: sizeBytes });
      } catch (error) {
        failure = error;
      }
    }
    if (failure && freed < enough) throw failure;
    return freed;
  }

  async #images(): Promise<NodeImage[]> {
    const { cri } = this.#deps;
    // containers first: one that is made in between has an image that is too young to go
    const used = new Set((await cri.listContainers()).flatMap((c) => [c.image_ref, c.image?.image ?? '']));
    return (await cri.listImages()).map(({ id, size, pinned, repo_tags, repo_digests }) => ({
      id,
      sizeBytes: Number(size),
      pinned: pinned || repo_tags.includes(pauseImage), // containerd pins it from 1.7 on
      used: [id, ...repo_tags, ...repo_digests].some((name) => used.has(name)),
    }));
  }

  async #room(): Promise<DiskRoom> {
    const [images] = await this.#deps.cri.imageFs();
    if (!images) throw new Error('the runtime does not say where its images are');
    const disk = await statfs(images.mountpoint);
    return { capacity: disk.blocks * disk.bsize, available: disk.bavail * disk.bsize };
  }
}

export interface ContainerGarbageDeps {
  agent: Pick<Agent, 'workers' | 'worker'>;
  config: ResolvedConfig;
  runtime: Runtime;
  cri: Pick<Cri, 'removePodSandbox'>;
  observer: Observer;
}

/** Throws what the runtime threw last, after all were tried: what it cannot remove keeps the others from nothing. */
export async function removeDeadContainers({
  agent,
  config,
  runtime,
  cri,
  observer,
}: ContainerGarbageDeps): Promise<void> {
  const policy = {
    maximumPerContainer: config.maximumDeadContainersPerContainer,
    maximum: config.maximumDeadContainers,
    minimumAgeMs: config.minimumContainerTTLDurationSeconds * 1000,
  };
  const pods = [...agent.workers()].map(({ uid, over }) => ({ uid, over, observed: runtime.observed(uid) }));
  let failure: unknown;
  const tried = async (remove: () => Promise<void>): Promise<void> => {
    await remove().catch((error: unknown) => {
      failure = error;
    });
  };
  for (const { uid, containers, sandboxes } of removals(pods, policy, Date.now())) {
    const task = agent.worker(uid)?.task;
    if (!task) continue; // its pod went meanwhile, and all of it goes with it
    for (const id of containers) await tried(() => runtime.remove(task, id));
    for (const id of sandboxes)
      await tried(async () => {
        await cri.removePodSandbox(id).catch(ignoreNotFound);
        observer.forgetSandbox(id);
      });
  }
  if (failure) throw failure;
}

/** Each round waits for the one before it. */
function every(ms: number, work: () => Promise<void>): void {
  let running = false;
  const once = async (): Promise<void> => {
    if (running) return;
    running = true;
    await work();
    running = false;
  };
  setInterval(() => void once(), ms).unref();
}

export function collectGarbage(deps: ContainerGarbageDeps & { cri: Cri; tell: Tell; log: Log }): void {
  every(containersEveryMs, () =>
    removeDeadContainers(deps).catch((error: unknown) => {
      deps.log('warn', 'container garbage collection failed', { error: goRpcError(error) });
      deps.tell('Warning', 'ContainerGCFailed', goRpcError(error));
    }),
  );
  const { imageGCHighThresholdPercent, imageMaximumGCAgeSeconds } = deps.config;
  if (imageGCHighThresholdPercent === 100 && imageMaximumGCAgeSeconds === 0) return;
  const images = new ImageGarbage(deps);
  // how long images are there counts from the start
  void images.collect();
  every(imagesEveryMs, () => images.collect());
}
