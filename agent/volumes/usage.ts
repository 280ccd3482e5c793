// emptyDir size limits on disk: measured now and then; a pod that is over is evicted.
import { execFile } from 'node:child_process';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compareQuantities, quantityFromValue } from '../../core/api/quantity.ts';
import type { Pod } from '../../core/api/types.gen.ts';

const blockBytes = 512;

const run = promisify(execFile);

/** What fails in `look` because it vanished meanwhile counts nothing. */
async function orNothing(look: () => Promise<number>): Promise<number> {
  try {
    return await look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0;
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    bytes += await orNothing(async () =>
      entry.isDirectory() ? await bytesBelow(path) : (await lstat(path)).blocks * blockBytes,
    );
  }
  return bytes;
}

/** du(1) goes by descriptors, so no folder is too deep for it. It fails where something vanishes, and counts the rest all the same. */
async function bytesByDu(folder: string): Promise<number> {
  const { stdout } = await run('du', ['-sx', '--block-size=1', '--', folder]).catch((error: { stdout?: string }) => ({
    stdout: error.stdout ?? '',
  }));
  return Number.parseInt(stdout, 10) || 0;
}

/** Bytes on disk below a folder, links not followed; files that vanish meanwhile count nothing. */
export async function diskUsage(folder: string): Promise<number> {
  try {
    return await orNothing(() => bytesBelow(folder));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error;
    return await bytesByDu(folder);
  }
}

export const hasSizeLimits = (pod: Pod): boolean =>
  (pod.spec?.volumes ?? []).some(
    (v) => v.emptyDir?.sizeLimit && compareQuantities(String(v.emptyDir.sizeLimit), '0') > 0,
  );

/** Bytes of the pod's emptyDirs on disk. */
export async function emptyDirBytes(pod: Pod, podDir: string): Promise<number> {
  let bytes = 0;
  for (const { name, emptyDir } of pod.spec?.volumes ?? [])
    if (emptyDir && emptyDir.medium !== 'Memory') bytes += await diskUsage(emptyDirPath(podDir, name));
  return bytes;
}

const emptyDirPath = (podDir: string, name: string): string => `${podDir}/volumes/kubernetes.io~empty-dir/${name}`;

/** The message of the eviction, or undefined. */
export async function overuse(pod: Pod, podDir: string): Promise<string | undefined> {
  for (const volume of pod.spec?.volumes ?? []) {
    const limit = volume.emptyDir?.sizeLimit;
    if (!limit || compareQuantities(String(limit), '0') <= 0) continue;
    const used = await diskUsage(emptyDirPath(podDir, volume.name));
    if (compareQuantities(quantityFromValue(used), String(limit)) > 0) {
      return `Usage of EmptyDir volume "${volume.name}" exceeds the limit "${limit}". `;
    }
  }
  return undefined;
}
