// Rotation of container logs: the runtime writes, the node moves the full file away and asks for a new one.
// https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface RotationLimits {
  maxBytes: number;
  /** Files kept, the present one included. */
  maxFiles: number;
}

const stampOf = (now: number): string =>
  new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');

async function compress(path: string): Promise<void> {
  await pipeline(createReadStream(path), createGzip(), createWriteStream(`${path}.tmp`, { mode: 0o640 }));
  await rename(`${path}.tmp`, `${path}.gz`);
  await rm(path, { force: true });
}

/** @param reopen asks the runtime to write a new file (CRI ReopenContainerLog). Returns whether it rotated. */
export async function rotateLog(
  path: string,
  limits: RotationLimits,
  now: number,
  reopen: () => Promise<void>,
): Promise<boolean> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size < limits.maxBytes) return false;
  const rotated = (await readdir(dirname(path)))
    .filter((name) => name.startsWith(`${basename(path)}.`) && !name.endsWith('.tmp'))
    .sort();
  const folder = dirname(path);
  // One present, one just rotated and readable for followers; older ones are compressed, the oldest go.
  const keep = Math.max(limits.maxFiles - 2, 0);
  const excess = rotated.slice(0, Math.max(rotated.length - keep, 0));
  for (const name of excess) await rm(`${folder}/${name}`, { force: true });
  for (const name of rotated) if (!excess.includes(name) && !name.endsWith('.gz')) await compress(`${folder}/${name}`);
  const moved = `${path}.${stampOf(now)}`;
  await rename(path, moved);
  try {
    await reopen();
  } catch (error) {
    await rename(moved, path);
    throw error;
  }
  return true;
}
