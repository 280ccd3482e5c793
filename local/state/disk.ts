import { mkdirSync, statfsSync } from 'node:fs';
import { Failure } from '../failure.ts';

/** What a start writes at once: store, certificates, images, logs. */
const neededBytes = 64 * 1024 * 1024;

/** Throws Failure when there is too little room below the folder, which is made if need be. */
export function checkRoom(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`;
  throw new Failure(
    `no space left on device: ${megabytes(free)} are free for ${folder}, a start needs ${megabytes(neededBytes)}`,
    'make room, or set SLIPWAY_HOME to a folder on another disk',
  );
}
