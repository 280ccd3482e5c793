// What is tidied up now and then (the minute's tick): revisions that crashed writers left, and changes that are too old.
import { firstRevision } from '../change-log.ts';
import type { Revision } from '../store.ts';
import { RevisionExpired } from '../store.ts';
import type { Context } from './context.ts';
import { ask, readCounter } from './context.ts';
import { mark, readRows, settle } from './log.ts';
import type { Counter, Steps } from './ops.ts';

/**
 * Seals old gaps and raises the floor to what the limits allow. When the last change has expired by it, the head moves by one
 * revision without a change, so that a page of a list that was begun before expires as it does in Kubernetes; of many
 * processes that tidy at once, one moves it.
 */
export function* sealSteps(context: Context): Steps<void> {
  const { resource, state } = context;
  const beganMs = context.now();
  const counter = yield* readCounter(context);
  const { taken } = counter;
  if (state.restingAt === taken && counter.sealed === taken) return;
  yield* settle(context, counter, taken);
  const { floor, isResting } = yield* floorFor(context, counter);
  if (floor > counter.floor) yield* ask(context, { do: 'raiseFloor', resource, floor });
  state.floor = Math.max(state.floor, floor);
  yield* mark(context, counter, beganMs, 1);
  if (floor === taken) {
    const revision = yield* ask(context, { do: 'take', resource, at: beganMs, ifTaken: taken });
    if (revision !== undefined) yield* ask(context, { do: 'void', resource, revision, at: beganMs });
  } else if (isResting) state.restingAt = taken;
}

/** The newest change that is too old, or one too many. Void rows do not count: who stands before them misses nothing. */
function* floorFor(context: Context, counter: Counter): Steps<{ floor: Revision; isResting: boolean }> {
  const { limits, state } = context;
  const oldest = context.now() - limits.maxAgeMs;
  let floor = Math.max(counter.floor, counter.taken - limits.maxChanges);
  try {
    for (let after = Math.max(floor, firstRevision); after < counter.taken; ) {
      for (const row of yield* readRows(context, counter, { after, upTo: counter.taken })) {
        after = row.revision;
        if (row.kind === 'void') continue;
        if (row.at >= oldest) return { floor, isResting: false };
        floor = row.revision;
      }
    }
  } catch (error) {
    if (!(error instanceof RevisionExpired)) throw error;
    // Nobody has tidied up for so long that rows have gone.
    floor = state.prefix;
  }
  return { floor, isResting: floor !== counter.taken };
}
