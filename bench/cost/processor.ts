// Whose the processor's time is. What is used between two moments is shared among the invocations that were under way; what the
// simulation itself uses (tables, agents) is nobody's.

const usedMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

export interface Work {
  /** @returns milliseconds of one processor of this machine */
  end(): number;
}

export class Processor {
  /** Who is under way, and what each has used. */
  readonly #under = new Map<symbol, number>();
  #lastMs = usedMs();

  begin(): Work {
    this.#share();
    const id = Symbol('work');
    this.#under.set(id, 0);
    return {
      end: () => {
        this.#share();
        const used = this.#under.get(id) ?? 0;
        this.#under.delete(id);
        return used;
      },
    };
  }

  #share(): void {
    const now = usedMs();
    const each = (now - this.#lastMs) / Math.max(1, this.#under.size);
    for (const [id, used] of this.#under) this.#under.set(id, used + each);
    this.#lastMs = now;
  }

  /** What is done here is the simulation's. */
  notCounted<T>(work: () => T): T {
    this.#share();
    try {
      return work();
    } finally {
      this.#lastMs = usedMs();
    }
  }
}
