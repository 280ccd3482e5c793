// What an agent does next on its way to the version that the control plane names: fetch it, take the lock that lets one worker
// update at a time, cordon, drain, switch; after the start the new version proves itself by a sync, or the guard (worker/units.ts)
// takes it back. Pure: one action for what is observed now. Whoever is killed between two actions looks again and goes on.

/** Kept on the disk from before the cordon until the lock is given back. */
export interface UpdateState {
  from: string;
  to: string;
  /** Somebody else had cordoned the node: it stays so. */
  wasCordoned: boolean;
  beganAtMs: number;
}

/** Why a version is not tried for a while; kept on the disk. */
export interface UpdateFailure {
  version: string;
  reason: string;
  retryAtMs: number;
}

/** A version that was switched to and has not proved itself. */
export interface Trial {
  from: string;
  to: string;
}

export interface ObservedUpdate {
  running: string;
  /** undefined: the control plane names none. */
  wanted: string | undefined;
  state: UpdateState | undefined;
  failure: UpdateFailure | undefined;
  trial: Trial | undefined;
  /** What the guard took back and nobody has told of yet. */
  takenBack: Trial | undefined;
  lock: 'mine' | 'free' | 'held';
  /** The wanted version is on the disk, whole. */
  fetched: boolean;
  cordoned: boolean;
  /** Pods that have to leave before the switch. */
  podsLeft: number;
  /** This process had an answer from the control plane. */
  synced: boolean;
  startedAtMs: number;
  nowMs: number;
}

export type UpdateAction =
  | { do: 'wait' }
  | { do: 'fetch'; version: string }
  | { do: 'lock' }
  | { do: 'unlock' }
  | { do: 'begin'; state: UpdateState }
  | { do: 'cordon' }
  | { do: 'uncordon' }
  | { do: 'evict' }
  /** Note the trial, turn the link, end the process. */
  | { do: 'switch'; trial: Trial }
  /** The trial is over, well. */
  | { do: 'prove'; version: string }
  | { do: 'fail'; failure: UpdateFailure }
  /** The state goes. */
  | { do: 'finish' }
  /** End the process: it cannot reach the control plane, and its next start counts. */
  | { do: 'give-up' };

const minute = 60_000;
/** A version that did not come up is not tried again soon: it is most likely the same as before. */
export const retryAfterRollbackMs = 6 * 60 * minute;
export const retryAfterDrainMs = 30 * minute;
export const retryAfterFetchMs = 5 * minute;
/** Pods get this long to leave; a disruption budget may say no for ever. */
export const drainLimitMs = 15 * minute;
/** A new version must have an answer from the control plane within this time. */
export const proofLimitMs = 5 * minute;

export function decideUpdate(observed: ObservedUpdate): UpdateAction {
  const { running, takenBack, trial, nowMs } = observed;
  if (takenBack) {
    const reason = `version ${takenBack.to} did not come up; back to ${takenBack.from}`;
    return { do: 'fail', failure: { version: takenBack.to, reason, retryAtMs: nowMs + retryAfterRollbackMs } };
  }
  if (trial?.to === running) {
    if (observed.synced) return { do: 'prove', version: running };
    return nowMs - observed.startedAtMs > proofLimitMs ? { do: 'give-up' } : { do: 'wait' };
  }
  // without an answer there is nobody to ask for the lock, and nothing is known of the node
  if (!observed.synced) return { do: 'wait' };
  return observed.state ? goOn(observed, observed.state) : consider(observed);
}

function consider({ running, wanted, failure, lock, fetched, cordoned, nowMs }: ObservedUpdate): UpdateAction {
  const blocked = failure?.version === wanted && nowMs < (failure?.retryAtMs ?? 0);
  if (wanted === undefined || wanted === running || blocked) return lock === 'mine' ? { do: 'unlock' } : { do: 'wait' };
  if (!fetched) return { do: 'fetch', version: wanted };
  if (lock === 'held') return { do: 'wait' };
  if (lock === 'free') return { do: 'lock' };
  return { do: 'begin', state: { from: running, to: wanted, wasCordoned: cordoned, beganAtMs: nowMs } };
}

function goOn(observed: ObservedUpdate, state: UpdateState): UpdateAction {
  const { running, wanted, failure, lock, fetched, cordoned, podsLeft, nowMs } = observed;
  const arrived = state.to === running;
  const failed = failure?.version === state.to && nowMs < failure.retryAtMs;
  const changed = wanted !== undefined && wanted !== state.to;
  if (arrived || failed || changed || !fetched || lock === 'held') return windUp(observed, state);
  if (lock === 'free') return { do: 'lock' };
  if (!cordoned) return { do: 'cordon' };
  if (podsLeft > 0) {
    if (nowMs - state.beganAtMs <= drainLimitMs) return { do: 'evict' };
    const reason = `${podsLeft} pods had not left after ${drainLimitMs / minute} minutes`;
    return { do: 'fail', failure: { version: state.to, reason, retryAtMs: nowMs + retryAfterDrainMs } };
  }
  return { do: 'switch', trial: { from: running, to: state.to } };
}

/** Everything as it was before, in this order: the next worker begins when this one takes pods again. */
function windUp({ cordoned, lock }: ObservedUpdate, state: UpdateState): UpdateAction {
  if (cordoned && !state.wasCordoned) return { do: 'uncordon' };
  if (lock === 'mine') return { do: 'unlock' };
  return { do: 'finish' };
}
