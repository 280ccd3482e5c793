// One write: take a revision, then put object and row in one transaction, under the object's version condition.
// See docs/decisions/0001-revisions.md.
import { StatusError } from '../../api/errors.ts';
import type { ObjectKey } from '../../api/objects.ts';
import { conditionHolds, freeze } from '../revision.ts';
import type { Commit, CommitResult, Revision, StoredObject } from '../store.ts';
import type { Context } from './context.ts';
import { ask, backoffMs, unavailable, wait } from './context.ts';
import type { ChangeRow, Row, Slot, Steps } from './ops.ts';

/** What stands in a slot; undefined for a tombstone. */
export const standing = (slot: Slot | undefined): StoredObject | undefined =>
  slot?.object && { object: freeze(slot.object), revision: slot.revision };

export function* getSteps(context: Context, key: ObjectKey): Steps<StoredObject | undefined> {
  return standing(yield* ask(context, { do: 'read', resource: context.resource, key }));
}

/**
 * The condition is checked before a revision is taken: what is refused then leaves no trace. Throws ServiceUnavailable when
 * nothing was written, and Timeout when nobody can say whether it was.
 */
export function* commitSteps(context: Context, commit: Commit): Steps<CommitResult> {
  const { resource, limits } = context;
  freeze(commit.object);
  let failure: unknown = 'other writers were faster each time';
  for (let attempt = 1; attempt <= limits.attempts; attempt++) {
    if (attempt > 1) yield* wait(backoffMs(attempt - 1));
    // Read, then take, never the other way round: what the condition allows is older than the revision to be.
    const slot = yield* ask(context, { do: 'read', resource, key: commit.key });
    const current = standing(slot);
    if (!conditionHolds(commit, current)) return { ok: false, current };
    const revision = (yield* ask(context, { do: 'take', resource, at: context.now() }))!;
    const row = rowOf(context, commit, slot, revision);
    const outcome = yield { do: 'write', resource, row, expected: commit.expected };
    if (outcome.ended === 'lost') {
      const there = yield* fate(context, row, outcome.error);
      if (there.kind === 'change' && there.writer === row.writer) return { ok: true, revision };
      failure = outcome.error;
    } else if (outcome.ended === 'failed') {
      failure = outcome.error;
      yield* giveBack(context, revision);
    } else {
      const answer = outcome.value as { written: boolean; rowTaken: boolean };
      if (answer.written) return { ok: true, revision };
      if (!answer.rowTaken) yield* giveBack(context, revision);
    }
  }
  throw unavailable('write', failure);
}

function rowOf(context: Context, commit: Commit, slot: Slot | undefined, revision: Revision): ChangeRow {
  const at = context.now();
  const before = slot?.object ? slot : undefined;
  const row = {
    kind: 'change',
    revision,
    at,
    writer: context.writer(),
    type: commit.op === 'delete' ? 'DELETED' : before ? 'MODIFIED' : 'ADDED',
    key: commit.key,
    object: commit.object,
    previousRevision: before?.revision ?? 0,
  } as const;
  // The row of the state before goes first. Half of the retention leaves time to read this one.
  const previous = before && at - before.at > context.limits.retentionMs / 2 ? before.object : undefined;
  return previous ? { ...row, previous } : row;
}

/** Fills a revision that nothing will be written under, so that no reader waits for it. If that fails, a reader seals it. */
function* giveBack({ resource, now }: Context, revision: Revision): Steps<void> {
  yield { do: 'void', resource, revision, at: now() };
}

/** After a write without an answer: what stands under its revision, for good. Throws Timeout when that cannot be found out. */
function* fate(context: Context, row: ChangeRow, error: unknown): Steps<Row> {
  const { resource, limits } = context;
  const { revision } = row;
  for (let attempt = 1; attempt <= limits.attempts; attempt++) {
    const looked = yield { do: 'rowsAt', resource, revisions: [revision] };
    const [there] = looked.ended === 'done' ? (looked.value as readonly Row[]) : [];
    if (there) return there;
    // Still under way, or never begun: with a void row there it can only fail.
    const sealed = yield { do: 'void', resource, revision, at: context.now() };
    if (sealed.ended === 'done') return sealed.value as Row;
    yield* wait(backoffMs(attempt));
  }
  const why = error instanceof Error ? error.message : String(error);
  throw new StatusError('Timeout', `the store did not answer, the write may or may not have been done: ${why}`);
}
