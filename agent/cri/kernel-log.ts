// Which containers the kernel's OOM killer took a process from, by the kernel's own log. containerd learns of it by a notification of the
// container's cgroup, which is lost when the cgroup is gone before its shim has come to read it: on a busy machine it often is.
// https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg
import { constants, openSync, readSync } from 'node:fs';
import type { Log } from '../../core/ports.ts';

const device = '/dev/kmsg';
/** Longer than any record; a buffer that is too small is refused. */
const recordBytes = 16 * 1024;
/** Remembered at once. A container that ended is soon asked about, or never. */
const rememberedContainers = 1_000;

/** Ids of containers in the path of the cgroup that a record says a task was taken from; mm/oom_kill.c prints one for each kill. */
export function containersIn(record: string): string[] {
  const path = /oom-kill:.*task_memcg=([^,]*)/.exec(record)?.[1];
  return path?.match(/[0-9a-f]{64}/g) ?? [];
}

export class KernelLog {
  readonly #log: Log;
  readonly #file: string;
  /** undefined: not opened yet; null: this agent may not read it. */
  #descriptor: number | null | undefined;
  readonly #killed = new Set<string>();

  constructor(log: Log, file = device) {
    this.#log = log;
    this.#file = file;
  }

  /** The kernel writes before it kills, so that this is known when a container's exit is. False, too, where the log cannot be read. */
  wasOomKilled(containerId: string): boolean {
    this.#readOn();
    return this.#killed.has(containerId);
  }

  #open(): number | null {
    try {
      return openSync(this.#file, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      this.#log('info', 'kernel log not readable', { error: error instanceof Error ? error.message : String(error) });
      return null;
    }
  }

  /** What is new since it was last read; the first time, all that the kernel still has. One record a read. */
  #readOn(): void {
    if (this.#descriptor === undefined) this.#descriptor = this.#open();
    if (this.#descriptor === null) return;
    const buffer = Buffer.alloc(recordBytes);
    for (;;) {
      let length: number;
      try {
        length = readSync(this.#descriptor, buffer);
      } catch (error) {
        // Records were overwritten before they were read: on with the oldest that is left.
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') continue;
        return;
      }
      if (length === 0) return;
      for (const id of containersIn(buffer.toString('utf8', 0, length))) this.#remember(id);
    }
  }

  #remember(id: string): void {
    this.#killed.add(id);
    const [oldest] = this.#killed.size > rememberedContainers ? this.#killed : [];
    if (oldest !== undefined) this.#killed.delete(oldest);
  }
}
