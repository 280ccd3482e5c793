// CPU as a rate, from counters that only grow: a count is compared with one kept some seconds before. A container's counter
// begins with it, so that its start is a count too.

export interface CpuCount {
  /** Milliseconds since the epoch. */
  atMs: number;
  /** Time on CPUs until then, in nanoseconds. */
  cpuNanoSeconds: number;
}

export interface CpuRate {
  /** Billionths of a core. */
  nanoCores: number;
  windowMs: number;
}

/** What is shorter says more about the moment than about the load. */
const goodWindowMs = 5_000;
/** Of what began a moment ago: better than nothing. */
const leastWindowMs = 1_000;

const keptCounts = 2;

export class CpuHistory {
  #kept = new Map<string, readonly CpuCount[]>();

  /** Takes a round of counts, about every ten seconds. What is not in it any more is forgotten. */
  keep(counts: ReadonlyMap<string, CpuCount>): void {
    const kept = new Map<string, readonly CpuCount[]>();
    for (const [key, count] of counts) {
      const before = this.#kept.get(key) ?? [];
      const newest = before.at(-1);
      const tooSoon = newest && Math.abs(count.atMs - newest.atMs) < goodWindowMs;
      kept.set(key, tooSoon ? before : [...before, count].slice(-keptCounts));
    }
    this.#kept = kept;
  }

  /**
   * The rate until `now`; undefined while nothing is known to compare with.
   * @param startedAtMs when the counter was zero, where that is known
   */
  rate(key: string, now: CpuCount, startedAtMs?: number): CpuRate | undefined {
    const kept = [...(this.#kept.get(key) ?? [])].reverse();
    const start = startedAtMs ? [{ atMs: startedAtMs, cpuNanoSeconds: 0 }] : [];
    const good = kept.find(({ atMs }) => now.atMs - atMs >= goodWindowMs);
    return rateBetween(good ?? start[0] ?? kept.at(-1), now);
  }
}

/** undefined for no window, and for counters or clocks that went back. */
function rateBetween(before: CpuCount | undefined, now: CpuCount): CpuRate | undefined {
  if (!before) return undefined;
  const windowMs = now.atMs - before.atMs;
  const spent = now.cpuNanoSeconds - before.cpuNanoSeconds;
  if (windowMs < leastWindowMs || spent < 0) return undefined;
  return { nanoCores: Math.round(spent / (windowMs / 1_000)), windowMs };
}
