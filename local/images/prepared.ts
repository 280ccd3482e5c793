// The archives that every new node imports, made once and kept in the user's cache: what they are made of may have to be fetched.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { architecture, type ImageDescription, ociArchive } from '../../agent/images/oci-archive.ts';
import { pauseDescription } from '../../agent/images/pause.ts';
import { writePrivately } from '../private-file.ts';
import { type ClusterPaths, slipwayCache } from '../state/paths.ts';
import { nodeDescription, nodeRepository } from './node-base.ts';
import { findBusybox, sampleDescription } from './sample.ts';

/** Changes when the images' contents do. */
const edition = 3;

/** Files of the archives. Without the sample, and with a word about it, where its package cannot be had. */
export async function preparedImages(say: (text: string) => void): Promise<string[]> {
  const kept = join(slipwayCache(), 'images');
  const pause = await prepared(kept, 'pause', async () => pauseDescription());
  try {
    const sample = await prepared(kept, 'sample', async () => {
      const { program, applets } = await findBusybox();
      return sampleDescription(program, applets);
    });
    return [pause, sample];
  } catch (error) {
    say(`the sample image was left out: ${(error as Error).message}`);
    return [pause];
  }
}

/**
 * Files of the archives that a build may start from. `text` is what names them, a Dockerfile and the build's arguments: the
 * image with Node is large, made at the first build that says so, and kept beside the clusters, with which it goes.
 */
export async function baseImages(paths: ClusterPaths, text: string, say: (text: string) => void): Promise<string[]> {
  const images = await preparedImages(say);
  if (!text.includes(nodeRepository)) return images;
  const node = await prepared(paths.cache, `node-${process.versions.node}`, async () => {
    say(`making ${nodeRepository} from this machine's Node and its libraries, once`);
    const { program, applets } = await findBusybox();
    return nodeDescription(program, applets);
  });
  return [...images, node];
}

async function prepared(folder: string, name: string, describe: () => Promise<ImageDescription>): Promise<string> {
  const file = join(folder, `${name}-${edition}-${architecture()}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writePrivately(file, ociArchive(await describe()));
  return file;
}
