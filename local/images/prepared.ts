// The archives that every new node imports, made once and kept beside the clusters.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { architecture, type ImageDescription, ociArchive } from '../../agent/images/oci-archive.ts';
import { pauseDescription } from '../../agent/images/pause.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { nodeDescription, nodeRepository } from './node-base.ts';
import { findBusybox, sampleDescription } from './sample.ts';

/** Changes when the images' contents do. */
const edition = 3;

/** Files of the archives. Without the sample, and with a word about it, where its package cannot be had. */
export async function preparedImages(paths: ClusterPaths, say: (text: string) => void): Promise<string[]> {
  const pause = await prepared(paths, 'pause', async () => pauseDescription());
  try {
    const sample = await prepared(paths, 'sample', async () => {
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
 * image with Node is large, and made at the first build that says so.
 */
export async function baseImages(paths: ClusterPaths, text: string, say: (text: string) => void): Promise<string[]> {
  const images = await preparedImages(paths, say);
  if (!text.includes(nodeRepository)) return images;
  const node = await prepared(paths, `node-${process.versions.node}`, async () => {
    say(`making ${nodeRepository} from this machine's Node and its libraries, once`);
    const { program, applets } = await findBusybox();
    return nodeDescription(program, applets);
  });
  return [...images, node];
}

async function prepared(paths: ClusterPaths, name: string, describe: () => Promise<ImageDescription>): Promise<string> {
  const file = join(paths.cache, `${name}-${edition}-${architecture()}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(paths.cache, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, ociArchive(await describe()));
  renameSync(temporary, file);
  return file;
}
