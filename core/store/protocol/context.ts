// What the steps of the revision protocol know besides the tables: limits, a clock, and what this process has seen so far.
import { StatusError } from '../../api/errors.ts';
import type { LogLimits } from '../change-log.ts';
import { defaultLogLimits, firstFloor, firstRevision } from '../change-log.ts';
import type { Resource, Revision } from '../store.ts';
import type { AnswerTo, Counter, Op, Row, Steps } from './ops.ts';

export interface ProtocolLimits extends LogLimits {
  /** How long a revision without a row is waited for before it is sealed. In milliseconds, as all that end in Ms. */
  pendingMs: number;
  /** Rows and tombstones are kept at least this long (the tables' TTL); many times the age of the log. */
  retentionMs: number;
  /** Revisions read at once. */
  pageRows: number;
  /** Slots scanned at once. */
  pageSlots: number;
  /** How often something is tried that fails. */
  attempts: number;
  /** How often the counters are looked at while somebody listens. */
  pollMs: number;
  /** How many rows of each resource are kept in memory, so that head and changes read them once. */
  recentRows: number;
}

export const defaultProtocolLimits: ProtocolLimits = {
  ...defaultLogLimits,
  pendingMs: 1_000,
  retentionMs: 86_400_000,
  pageRows: 256,
  pageSlots: 500,
  attempts: 6,
  pollMs: 500,
  recentRows: 128,
};

/** What a process has learnt about one resource. A driver makes one (`newState`) and hands it to each call. */
export interface ProtocolState {
  /** Every row up to here is there, or was and has expired. */
  prefix: Revision;
  /** The highest floor seen. */
  floor: Revision;
  /** When a revision without a row was first seen. */
  readonly gaps: Map<Revision, number>;
  /** The newest rows read; a row that is there never changes. */
  readonly recent: Map<Revision, Row>;
  /** The head of a resource at rest: nothing is to be tidied until another revision is taken. */
  restingAt: Revision | undefined;
}

export const newState = (): ProtocolState => ({
  prefix: firstRevision,
  floor: firstFloor,
  gaps: new Map(),
  recent: new Map(),
  restingAt: undefined,
});

export interface Context {
  readonly resource: Resource;
  readonly state: ProtocolState;
  readonly limits: ProtocolLimits;
  /** Milliseconds since the epoch. Other processes' clocks may be minutes away. */
  now(): number;
  /** A name for one attempt to write; never the same twice. */
  writer(): string;
}

/** What the database's driver says to clients already (429 when it is busy) is passed on. */
export const unavailable = (what: string, error: unknown): StatusError =>
  error instanceof StatusError
    ? error
    : new StatusError(
        'ServiceUnavailable',
        `the store cannot ${what}: ${error instanceof Error ? error.message : error}`,
      );

/** Short waits that double: 5, 10, 20 ... 640 ms. */
export const backoffMs = (attempt: number): number => 5 * 2 ** Math.min(attempt - 1, 7);

export function* wait(ms: number): Steps<void> {
  yield { do: 'wait', ms };
}

/**
 * Asks until there is an answer; for every operation but 'write' that is safe, since asking twice does no harm. Throws
 * ServiceUnavailable when there is none.
 */
export function* ask<O extends Exclude<Op, { do: 'write' }>>(context: Context, op: O): Steps<AnswerTo<O>> {
  for (let attempt = 1; ; attempt++) {
    const outcome = yield op;
    if (outcome.ended === 'done') return outcome.value as AnswerTo<O>;
    if (attempt >= context.limits.attempts) throw unavailable(op.do, outcome.error);
    yield* wait(backoffMs(attempt));
  }
}

export function* readCounter(context: Context): Steps<Counter> {
  const { resource, state } = context;
  const counter = yield* ask(context, { do: 'counter', resource });
  state.prefix = Math.max(state.prefix, counter.sealed);
  state.floor = Math.max(state.floor, counter.floor);
  return counter;
}
