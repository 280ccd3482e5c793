// One command at a time may change a cluster.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Failure } from '../failure.ts';
import type { ClusterPaths } from './paths.ts';
import { isAlive, type ProcessRef, startOf } from './processes.ts';

/** Returns the function that lets go. Throws Failure when another command, still alive, holds the lock. */
export function lock(paths: ClusterPaths): () => void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  // a link appears whole or not at all: nobody reads a lock half written
  const own = `${paths.lock}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) ?? '' } satisfies ProcessRef), {
    mode: 0o600,
  });
  try {
    return take(paths, own);
  } finally {
    rmSync(own, { force: true });
  }
}

function take(paths: ClusterPaths, own: string): () => void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      linkSync(own, paths.lock);
      return () => rmSync(paths.lock, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderOf(paths.lock);
      if (isAlive(holder)) {
        throw new Failure(
          `another slipway command (pid ${holder.pid}) is at work on cluster "${paths.name}"`,
          'wait until it is done',
        );
      }
      rmSync(paths.lock, { force: true });
    }
  }
  throw new Failure(`could not take ${paths.lock}`);
}

function holderOf(file: string): ProcessRef | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessRef;
  } catch {
    return undefined;
  }
}
