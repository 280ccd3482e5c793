// How bad the host of a simulated cluster is. Probabilities are of one occasion each.
import type { Faults } from '../fake-table.ts';

export interface WorldOptions {
  seed: number;
  /** Functions' clocks are off by up to this. */
  skewMs?: number;
  /** Environments of a reacting function that work at once. */
  instances?: number;
  /** Of the scheduler, where it is another number: reserved concurrency. */
  schedulers?: number;
  /** Of calls to the tables. */
  faults?: Faults;
  /** A function dies when an operation is done. */
  deaths?: number;
  /** An environment that rests is not there any more when it is wanted. */
  coldStarts?: number;
  /** What invokes a function does so twice, or late; a doorbell is not heard. */
  duplicates?: number;
  /** An invocation has hardly any time. */
  shortTimes?: number;
}

export const soundHost: Required<Omit<WorldOptions, 'seed'>> = {
  skewMs: 0,
  instances: 1,
  schedulers: 1,
  faults: { refused: 0, unanswered: 0, slow: 0 },
  deaths: 0,
  coldStarts: 0,
  duplicates: 0,
  shortTimes: 0,
};

/** A host that does its worst. */
export const bad: Omit<WorldOptions, 'seed'> = {
  skewMs: 180_000,
  instances: 2,
  schedulers: 2,
  faults: { refused: 8, unanswered: 4, slow: 3 },
  deaths: 0.001,
  coldStarts: 0.05,
  duplicates: 0.1,
  shortTimes: 0.1,
};

/** SEED=N repeats a run, SEEDS=N makes more of them. */
export const first = Number(process.env['SEED'] ?? 1);
export const seeds = Number(process.env['SEEDS'] ?? 1);
