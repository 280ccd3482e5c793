// What simulated time is to do, in its order: a heap.

interface Due {
  atMs: number;
  /** Orders what is due at the same time. */
  number: number;
  /** undefined: cancelled. */
  callback: (() => void) | undefined;
}

const isBefore = (a: Due, b: Due): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

export class DueQueue {
  /** Each is due before the two below it. */
  readonly #due: Due[] = [];
  #number = 0;

  get first(): Readonly<Due> | undefined {
    return this.#due[0];
  }

  /** @returns cancels */
  add(atMs: number, callback: () => void): () => void {
    const due = this.#due;
    const entry: Due = { atMs, number: this.#number++, callback };
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

  /** Takes the first out; undefined: nothing is due any more. */
  pop(): Readonly<Due> | undefined {
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

  clear(): void {
    this.#due.length = 0;
  }
}
