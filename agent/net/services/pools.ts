// Endpoints by number, for one map that all services share: a connection is given the number of an endpoint at random, out of the
// numbers of its service, and the map leads from there to address and port. A map for each service would cost the kernel a look
// at all others for each one made.

/** `address . port`. */
export type PoolTarget = string;

interface Pool {
  first: number;
  slots: PoolTarget[];
}

/** Numbers of one pool lie together; a service has no more endpoints than this on one port that are used. */
const poolSize = 16_384;

export class Pools {
  readonly #pools = new Map<string, Pool>();
  readonly #free: number[] = [];
  #next = 1;

  /**
   * Gives each target a number, and leaves the numbers of those that stay, as far as they can be one after another.
   * @param name of the pool; without targets it is gone
   * @returns numbers whose target changed, with the target before and after
   */
  replace(name: string, targets: readonly PoolTarget[]): Map<number, [PoolTarget | undefined, PoolTarget | undefined]> {
    const pool = this.#pools.get(name) ?? { first: (this.#free.pop() ?? this.#next++) * poolSize, slots: [] };
    const slots = renumbered(pool.slots, targets.slice(0, poolSize));
    const changes = new Map<number, [PoolTarget | undefined, PoolTarget | undefined]>();
    for (let i = 0; i < Math.max(slots.length, pool.slots.length); i++) {
      if (slots[i] !== pool.slots[i]) changes.set(pool.first + i, [pool.slots[i], slots[i]]);
    }
    if (slots.length > 0) this.#pools.set(name, { first: pool.first, slots });
    else {
      this.#pools.delete(name);
      this.#free.push(pool.first / poolSize);
    }
    return changes;
  }

  /** The numbers of a pool: the first, and how many; undefined: there is no such pool. */
  range(name: string): { first: number; count: number } | undefined {
    const pool = this.#pools.get(name);
    return pool && { first: pool.first, count: pool.slots.length };
  }

  *all(): Iterable<[name: string, numbers: ReadonlyMap<number, PoolTarget>]> {
    for (const [name, { first, slots }] of this.#pools) {
      yield [name, new Map(slots.map((target, i) => [first + i, target]))];
    }
  }
}

function renumbered(before: readonly PoolTarget[], targets: readonly PoolTarget[]): PoolTarget[] {
  const wanted = new Set(targets);
  const kept = before.slice(0, targets.length).map((target) => (wanted.has(target) ? target : undefined));
  const placed = new Set(kept);
  const waiting = targets.filter((target) => !placed.has(target));
  return targets.map((_target, i) => kept[i] ?? waiting.shift()!);
}
