// Reading the change log without a gap: a revision without a row is waited for while it is young, and sealed when it is not.
import { freeze } from '../revision.ts';
import type { Revision } from '../store.ts';
import { RevisionExpired } from '../store.ts';
import type { Context, ProtocolState } from './context.ts';
import { ask, backoffMs, readCounter, wait } from './context.ts';
import type { Counter, Row, Steps } from './ops.ts';

/** A mark is set when this many revisions have been settled since the last, so that a cold process reads at most so many. */
const markEvery = 256;

export interface Span {
  /** Rows after this. */
  after: Revision;
  upTo: Revision;
  /** Rather than wait for a row, give the rows before it, if any. */
  eager?: boolean;
}

/**
 * The rows of a span, in order and without a gap: at most a page of them, at least one unless eager. Throws RevisionExpired
 * when the log no longer holds them.
 */
export function* readRows(context: Context, counter: Counter, span: Span): Steps<readonly Row[]> {
  const { state, limits, resource } = context;
  const rows: Row[] = [];
  let next = span.after + 1;
  for (let row = state.recent.get(next); row && next <= span.upTo; row = state.recent.get(++next)) rows.push(row);
  if (rows.length > 0) return settled(state, span, rows);
  // As it was before the rows are read: another call may seal what this one finds missing.
  const known = state.prefix;
  const upTo = Math.min(span.upTo, span.after + limits.pageRows);
  const found = new Map<Revision, Row>();
  for (const row of yield* ask(context, { do: 'rows', resource, after: span.after, upTo }))
    found.set(row.revision, row);
  const missing: Revision[] = [];
  for (let revision = next; revision <= upTo; revision++) if (!found.has(revision)) missing.push(revision);
  // It was there once.
  if (missing.length > 0 && missing[0]! <= known) throw new RevisionExpired(known);
  for (const revision of missing) if (!state.gaps.has(revision)) state.gaps.set(revision, context.now());
  if (missing.length > 0 && !span.eager) yield* fill(context, counter, missing, found);
  for (let row = found.get(next); row; row = found.get(++next)) rows.push(keep(context, row));
  return settled(state, span, rows);
}

/** Waits for rows, and seals those that were waited for long enough. */
function* fill(context: Context, counter: Counter, revisions: Revision[], found: Map<Revision, Row>): Steps<void> {
  const { resource, state, limits } = context;
  let missing = revisions;
  let waitedMs = 0;
  for (let round = 1; missing.length > 0; round++) {
    const oldest = missing[0]!;
    // What was waited here counts too, should the clock stand still.
    const age = Math.max(context.now() - (state.gaps.get(oldest) ?? context.now()), waitedMs);
    if (age >= limits.pendingMs) {
      yield* forgetIfOld(context, counter, missing.at(-1)!);
      found.set(oldest, yield* ask(context, { do: 'void', resource, revision: oldest, at: context.now() }));
    } else {
      const ms = Math.min(backoffMs(round), limits.pendingMs - age);
      yield* wait(ms);
      waitedMs += ms;
      for (const row of yield* ask(context, { do: 'rowsAt', resource, revisions: missing }))
        found.set(row.revision, row);
    }
    missing = missing.filter((revision) => !found.has(revision));
  }
}

/**
 * When the mark is so old that rows after it may have expired, a missing one may have been a change. Before it is sealed
 * nobody may read the log from before it any more.
 */
function* forgetIfOld(context: Context, counter: Counter, upTo: Revision): Steps<void> {
  const { resource, state } = context;
  const floor = Math.max(counter.taken, upTo);
  if (!isStale(context, counter) || state.floor >= floor) return;
  yield* ask(context, { do: 'raiseFloor', resource, floor });
  state.floor = floor;
}

const isStale = (context: Context, counter: Counter): boolean => context.now() - counter.sealedAt > staleMs(context);

/**
 * After reading from `since` on: whether everything was still there. With an old mark another process may have sealed what had
 * expired, and then it raised the floor before. Throws RevisionExpired.
 */
export function* checkStillThere(context: Context, counter: Counter, since: Revision): Steps<void> {
  if (isStale(context, counter)) yield* readCounter(context);
  if (since < context.state.floor) throw new RevisionExpired(context.state.floor);
}

/** Half of the retention: the other half is for clocks that differ. */
const staleMs = ({ limits }: Context): number => limits.retentionMs / 2;

function settled(state: ProtocolState, { after }: Span, rows: readonly Row[]): readonly Row[] {
  if (after <= state.prefix) state.prefix = Math.max(state.prefix, after + rows.length);
  return rows;
}

function keep({ state, limits }: Context, row: Row): Row {
  freeze(row);
  state.gaps.delete(row.revision);
  state.recent.set(row.revision, row);
  if (state.recent.size > limits.recentRows) state.recent.delete(state.recent.keys().next().value!);
  return row;
}

/** Has every row up to `target` there. */
export function* settle(context: Context, counter: Counter, target: Revision): Steps<void> {
  const { state } = context;
  while (state.prefix < target) yield* readRows(context, counter, { after: state.prefix, upTo: target });
}

/** The newest revision up to which every row is there; nothing that was acknowledged before the call is beyond it. */
export function* headSteps(context: Context): Steps<Revision> {
  const beganMs = context.now();
  const counter = yield* readCounter(context);
  yield* settle(context, counter, counter.taken);
  yield* mark(context, counter, beganMs, markEvery);
  return context.state.prefix;
}

/** Says how far the log is settled, when that was last said `every` revisions or half the stale age ago. */
export function* mark(context: Context, counter: Counter, beganMs: number, every: number): Steps<void> {
  const { resource } = context;
  const sealed = counter.taken;
  const isOld = beganMs - counter.sealedAt > staleMs(context) / 2;
  // If it fails the next one will do.
  if (sealed - counter.sealed >= every || isOld) yield { do: 'mark', resource, sealed, at: beganMs };
}
