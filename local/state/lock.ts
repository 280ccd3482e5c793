// One command at a time may change a cluster, and one the machine's address plan.
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { ClusterPaths } from './paths.ts';
import { isAlive, type ProcessRef, startOf } from './processes.ts';
import { readIfThere } from './spec.ts';

/** Returns the function that lets go. Throws Failure when another command, still alive, holds the lock. */
export function lock(paths: ClusterPaths): () => void {
  const taken = tryLock(paths.lock);
  if (typeof taken === 'function') return taken;
  throw new Failure(
    `another slipway command (pid ${taken.pid}) is at work on cluster "${paths.name}"`,
    'wait until it is done',
  );
}

const machineFolder = '/run/slipway';
const machineLock = join(machineFolder, 'lock');
const retryMs = 20;

/** Held while addresses are chosen and taken; waits for others, who hold it for a moment only. */
export async function lockMachine(withinMs = 60_000): Promise<() => void> {
  // everybody may look whether a cluster of a name is there, and what umask made of the folder must not keep them from it
  mkdirSync(machineFolder, { recursive: true });
  chmodSync(machineFolder, 0o711);
  for (let waited = 0; ; waited += retryMs) {
    const taken = tryLock(machineLock);
    if (typeof taken === 'function') return taken;
    if (waited >= withinMs) throw new Failure(`another slipway command (pid ${taken.pid}) holds ${machineLock}`);
    await sleep(retryMs);
  }
}

type Taken = (() => void) | ProcessRef;

/** The function that lets go, or who holds it. A holder that has died is no holder. */
function tryLock(file: string): Taken {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // a link appears whole or not at all: nobody reads a lock half written
  const own = `${file}.${process.pid}`;
  const ref: ProcessRef = { pid: process.pid, started: startOf(process.pid) ?? '' };
  writeFileSync(own, JSON.stringify(ref), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        linkSync(own, file);
        return releaseOnce(file, ref);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = holderOf(file);
      if (isAlive(holder)) return holder;
      const taken = takeOver(file, own, ref);
      if (taken) return taken;
    }
    throw new Failure(`could not take ${file}`);
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Puts the own lock in the place of a dead one. Of several that found it dead, the slower would do so to the lock of the quicker:
 * only who holds a second lock, which is for this alone, may. undefined: the lock has gone meanwhile.
 */
function takeOver(file: string, own: string, ref: ProcessRef): Taken | undefined {
  const right = tryLock(`${file}.takeover`);
  if (typeof right !== 'function') return right;
  try {
    const holder = holderOf(file);
    if (holder === undefined || isAlive(holder)) return holder;
    renameSync(own, file);
    return releaseOnce(file, ref);
  } finally {
    right();
  }
}

/** A second call must not take the lock away from whoever holds it by then, nor the first when the folder was purged. */
function releaseOnce(file: string, { pid, started }: ProcessRef): () => void {
  let held = true;
  return () => {
    const holder = held ? holderOf(file) : undefined;
    if (holder?.pid === pid && holder.started === started) rmSync(file, { force: true });
    held = false;
  };
}

const nobody: ProcessRef = { pid: 0, started: 'unreadable' };

/** undefined: there is no lock. */
function holderOf(file: string): ProcessRef | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ProcessRef;
  } catch {
    return nobody;
  }
}
