// The changes after a revision, each with the state before it.
import type { KubeObject } from '../../api/objects.ts';
import { firstRevision } from '../change-log.ts';
import type { Change, ChangePage, Revision } from '../store.ts';
import { RevisionAhead, RevisionExpired } from '../store.ts';
import type { Context } from './context.ts';
import { ask, readCounter } from './context.ts';
import { checkStillThere, readRows } from './log.ts';
import type { ChangeRow, Row, Steps } from './ops.ts';

/** Throws RevisionExpired and RevisionAhead. Answers at once with what is there before a young gap, and waits if nothing is. */
export function* changesSteps(context: Context, since: Revision, limit = Number.POSITIVE_INFINITY): Steps<ChangePage> {
  const counter = yield* readCounter(context);
  if (since > counter.taken) throw new RevisionAhead(counter.taken);
  if (since < counter.floor) throw new RevisionExpired(counter.floor);
  const changes: ChangeRow[] = [];
  const began = Math.max(since, firstRevision);
  let upTo = began;
  while (upTo < counter.taken && changes.length < limit) {
    let rows = yield* readRows(context, counter, { after: upTo, upTo: counter.taken, eager: true });
    if (rows.length === 0 && upTo > began) break;
    if (rows.length === 0) rows = yield* readRows(context, counter, { after: upTo, upTo: upTo + 1 });
    for (const row of rows) {
      upTo = row.revision;
      if (row.kind === 'change') changes.push(row);
      if (changes.length === limit) break;
    }
  }
  yield* checkStillThere(context, counter, since);
  const before = yield* statesBefore(context, changes);
  return { changes: changes.map((row) => changeOf(row, before.get(row.previousRevision))), upTo };
}

function changeOf({ type, key, revision, object }: ChangeRow, previous: KubeObject | undefined): Change {
  const change = { type, key, revision, object };
  return previous ? { ...change, previous } : change;
}

/**
 * The states before some changes by their revision: from the row itself, from rows in memory, or read. Throws RevisionExpired
 * when one has left the log.
 */
export function* statesBefore(
  context: Context,
  changes: readonly ChangeRow[],
): Steps<ReadonlyMap<Revision, KubeObject>> {
  const { resource, state, limits } = context;
  const own = new Map(changes.map((row) => [row.revision, row]));
  const states = new Map<Revision, KubeObject>();
  const wanted: Revision[] = [];
  for (const { previousRevision, previous } of changes) {
    if (previousRevision === 0) continue;
    const object = previous ?? objectOf(own.get(previousRevision)) ?? objectOf(state.recent.get(previousRevision));
    if (object) states.set(previousRevision, object);
    else wanted.push(previousRevision);
  }
  for (let from = 0; from < wanted.length; from += limits.pageRows) {
    const revisions = wanted.slice(from, from + limits.pageRows);
    for (const row of yield* ask(context, { do: 'rowsAt', resource, revisions })) {
      const object = objectOf(row);
      if (object) states.set(row.revision, object);
    }
  }
  const lost = wanted.find((revision) => !states.has(revision));
  if (lost !== undefined) throw new RevisionExpired(lost + 1);
  return states;
}

const objectOf = (row: Row | undefined): KubeObject | undefined => (row?.kind === 'change' ? row.object : undefined);
