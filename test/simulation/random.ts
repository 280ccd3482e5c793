// A small seeded generator (mulberry32): a failing run is run again from the seed that it printed.

export interface Random {
  /** 0 <= value < 1 */
  next(): number;
  /** 0 <= value < bound */
  below(bound: number): number;
  pick<T>(from: readonly T[]): T;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return { next, below, pick: (from) => from[below(from.length)]! };
}

/** SLIPWAY_SEED repeats a run; otherwise each run is another. The seed is printed by the test that takes it. */
export const seedOfRun = (): number => Number(process.env['SLIPWAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
