// Processes that outlive the command that started them, named by pid and start time so that a recycled pid is never killed.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMark } from '../failure.ts';
import { readIfThere, writeFileAtomic } from './spec.ts';

export interface ProcessRef {
  pid: number;
  /** Opaque; differs for another process with the same pid, and after a reboot. */
  started: string;
}

/** Parts by name: `control-plane`, `NODE/containerd`, `NODE/agent`. */
export type Processes = Record<string, ProcessRef>;

/** undefined when there is no such process, or only its zombie. */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      return undefined;
    }
  }
  try {
    // proc(5): the fields after the parenthesised name, which may itself hold spaces and parentheses
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8)}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

export const isAlive = (ref: ProcessRef | undefined): ref is ProcessRef =>
  ref !== undefined && startOf(ref.pid) === ref.started;

const comesUpWithinMs = 60_000;

/** Asks until it serves. False when it dies first, or is silent for 60 s; rejects when the signal aborts. */
export async function cameUp(ref: ProcessRef, serves: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + comesUpWithinMs;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    if (await serves()) return true;
    if (!isAlive(ref)) return false;
    await sleep(10);
  }
  return false;
}

/**
 * Starts a program in a session of its own, with both outputs appended to the log file. The caller may exit.
 * Throws when the program cannot be started at all; whether it stays up is for the caller to watch.
 */
export function startDetached(
  command: readonly string[],
  log: string,
  env: NodeJS.ProcessEnv = process.env,
): ProcessRef {
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a', 0o600);
  try {
    writeSync(output, `${startMark}${new Date().toISOString()} ${command.join(' ')}\n`);
    const child = spawn(command[0]!, command.slice(1), {
      detached: true,
      stdio: ['ignore', output, output],
      env,
      cwd: '/',
    });
    child.on('error', () => {}); // seen below: no pid
    child.unref();
    const started = child.pid === undefined ? undefined : startOf(child.pid);
    if (child.pid === undefined || started === undefined) throw new Error(`${command[0]} could not be started`);
    return { pid: child.pid, started };
  } finally {
    closeSync(output);
  }
}

const pollMs = 10;

/** True when every process is gone within the time. */
export async function gone(refs: readonly ProcessRef[], withinMs: number): Promise<boolean> {
  for (let waited = 0; ; waited += pollMs) {
    if (!refs.some(isAlive)) return true;
    if (waited >= withinMs) return false;
    await sleep(pollMs);
  }
}

/** SIGTERM, then after the grace SIGKILL. Processes that are not ours any more are left alone. */
export async function terminate(refs: readonly ProcessRef[], graceMs: number): Promise<void> {
  signal(refs, 'SIGTERM');
  if (await gone(refs, graceMs)) return;
  signal(refs, 'SIGKILL');
  await gone(refs, 5000);
}

export function signal(refs: readonly ProcessRef[], name: NodeJS.Signals): void {
  for (const ref of refs) {
    if (!isAlive(ref)) continue;
    try {
      process.kill(ref.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export const readProcesses = (file: string): Processes => JSON.parse(readIfThere(file) ?? '{}') as Processes;

/** The parts that ran, one file for all; written by whoever holds the cluster's lock. */
export class ProcessTable {
  readonly #file: string;
  readonly #parts: Processes;
  readonly #started: (ref: ProcessRef) => void;

  /** @param started is told of each process that is noted */
  constructor(file: string, started: (ref: ProcessRef) => void = () => {}) {
    this.#file = file;
    this.#parts = readProcesses(file);
    this.#started = started;
  }

  get(part: string): ProcessRef | undefined {
    return this.#parts[part];
  }

  alive(part: string): boolean {
    return isAlive(this.#parts[part]);
  }

  parts(): string[] {
    return Object.keys(this.#parts);
  }

  clear(): void {
    for (const part of this.parts()) delete this.#parts[part];
    this.#write();
  }

  set(part: string, ref: ProcessRef): void {
    this.#parts[part] = ref;
    this.#write();
    this.#started(ref);
  }

  delete(part: string): void {
    delete this.#parts[part];
    this.#write();
  }

  #write(): void {
    if (Object.keys(this.#parts).length === 0) rmSync(this.#file, { force: true });
    else writeFileAtomic(this.#file, `${JSON.stringify(this.#parts, null, 2)}\n`);
  }
}
