// Time that passes only when everything that is due has been done: minutes in milliseconds, and the same each time.

import { DueQueue } from './due-queue.ts';

const oneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class VirtualTime {
  now = 0;
  readonly #due = new DueQueue();
  readonly #quiet: () => Promise<void>;

  /** `quiet` resolves when all that a timer set off waits for time again. */
  constructor(quiet = oneTurn) {
    this.#quiet = quiet;
  }

  /** Returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void {
    return this.#due.add(this.now + delayMs, callback);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until something is so, or nothing is left to do. */
  async passUntil(isDone: () => boolean): Promise<void> {
    await this.#quiet();
    while (!isDone()) {
      const next = this.#due.pop();
      if (!next) return;
      if (!next.callback) continue;
      this.now = next.atMs;
      next.callback();
      await this.#quiet();
    }
  }
}
