import { MAX_SCORE, type StaticScore } from './score.ts';

const MEBIBYTE = 1024 * 1024;
/** Less than this in all is not worth a preference. */
const LEAST_BYTES = 23 * MEBIBYTE;
/** More than this for each container does not count. */
const MOST_BYTES = 1000 * MEBIBYTE;

/** The tag that a name without one means. */
const withTag = (image: string): string =>
  image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;

/** Images that are there already, by size, and less when few nodes have them so that those are not overrun. */
export const imageLocality: StaticScore = {
  name: 'ImageLocality',
  weight: 1,
  score({ pod }, node, snapshot) {
    if (node.images.size === 0) return 0;
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const volumes = (pod.spec?.volumes ?? []).flatMap((volume) => volume.image?.reference ?? []);
    let bytes = 0;
    for (const image of [...containers.map((container) => container.image ?? ''), ...volumes]) {
      const name = withTag(image);
      const size = node.images.get(name);
      if (size) bytes += Math.floor((size * snapshot.imageSpread(name)) / snapshot.nodes.length);
    }
    const most = MOST_BYTES * containers.length;
    const counted = Math.min(Math.max(bytes, LEAST_BYTES), most);
    return Math.floor((MAX_SCORE * (counted - LEAST_BYTES)) / (most - LEAST_BYTES));
  },
};
