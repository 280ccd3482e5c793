// emptyDir size limits on disk: measured now and then; a pod that is over is evicted.
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareQuantities, quantityFromValue } from '../../core/api/quantity.ts';
import type { Pod } from '../../core/api/types.gen.ts';

const blockBytes = 512;

/** Bytes on disk below a folder, links not followed; files that vanish meanwhile count nothing. */
export async function diskUsage(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += await diskUsage(path);
      else bytes += (await lstat(path)).blocks * blockBytes;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return bytes;
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
