// Time that passes only when everything that is due has been done: minutes in milliseconds, and the same each time.

interface Due {
  atMs: number;
  /** Orders what is due at the same time. */
  number: number;
  callback: (() => void) | undefined;
}

const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

const oneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class VirtualTime {
  now = 0;
  /** A heap: each is due before the two below it. */
  readonly #due: Due[] = [];
  readonly #quiet: () => Promise<void>;
  #number = 0;

  /** `quiet` resolves when all that a timer set off waits for time again. */
  constructor(quiet = oneTurn) {
    this.#quiet = quiet;
  }

  /** Returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void {
    const due = this.#due;
    const entry: Due = { atMs: this.now + delayMs, number: this.#number++, callback };
    due.push(entry);
    for (let i = due.length - 1; i > 0; ) {
      const above = (i - 1) >>> 1;
      if (!isBefore(due[i]!, due[above]!)) break;
      [due[i], due[above]] = [due[above]!, due[i]!];
      i = above;
    }
    return () => {
      entry.callback = undefined;
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until something is so, or nothing is left to do. */
  async passUntil(isDone: () => boolean): Promise<void> {
    await this.#quiet();
    while (!isDone()) {
      const next = this.#pop();
      if (!next) return;
      if (!next.callback) continue;
      this.now = next.atMs;
      next.callback();
      await this.#quiet();
    }
  }

  #pop(): Due | undefined {
    const due = this.#due;
    const first = due[0];
    const last = due.pop();
    if (!first || !last || due.length === 0) return first;
    due[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const below of [2 * i + 1, 2 * i + 2]) {
        if (below < due.length && isBefore(due[below]!, due[least]!)) least = below;
      }
      if (least === i) return first;
      [due[i], due[least]] = [due[least]!, due[i]!];
      i = least;
    }
  }
}
