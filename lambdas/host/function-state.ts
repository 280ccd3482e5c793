// What the functions of a cluster leave for each other between invocations, as one object that the tick reads in one call: when
// each wants to be woken, and what was seen of the nodes' leases. It is not served, and its changes wake nobody.
import type { KubeObject } from '../../core/api/objects.ts';
import type { HeartbeatRecord } from '../../core/controllers/node-lifecycle/heartbeats.ts';
import type { Store } from '../../core/store/store.ts';

export type FunctionName = 'scheduler' | 'controllers' | 'workers' | 'load-balancers';

export interface FunctionState {
  /** Milliseconds since the epoch, by the clock of who wrote it: minutes of skew make a wake early or late, and no more. */
  due: Partial<Record<FunctionName, number>>;
  /** The tick from which on the leases of the nodes are to be looked at; absent when there is no node. */
  lookDueMs?: number;
  heartbeats?: HeartbeatRecord;
}

export const stateResource = 'functions.slipway.internal';
const key = { namespace: '', name: 'state' };
const ATTEMPTS = 8;

const stateOf = (object: KubeObject | undefined): FunctionState =>
  (object?.['state'] as FunctionState | undefined) ?? { due: {} };

export async function readState(store: Store): Promise<FunctionState> {
  return stateOf((await store.get(stateResource, key))?.object);
}

/**
 * Writes what `change` makes of the state as it stands; nothing when it returns the very same. Returns what stands then.
 * Throws when others keep writing in between.
 */
export async function updateState(
  store: Store,
  change: (state: FunctionState) => FunctionState,
): Promise<FunctionState> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const standing = await store.get(stateResource, key);
    const before = stateOf(standing?.object);
    const state = change(before);
    if (state === before) return before;
    const object: KubeObject = {
      apiVersion: 'slipway.internal/v1',
      kind: 'FunctionState',
      metadata: { name: key.name },
      state,
    };
    const expected = standing?.revision ?? 'absent';
    const { ok } = await store.commit({ op: 'put', resource: stateResource, key, object, expected });
    if (ok) return state;
  }
  throw new Error('the state of the functions was written by others each time');
}

/** The state with another due time; the same object when nothing changes. */
export function withDue(state: FunctionState, name: FunctionName, dueMs: number | undefined): FunctionState {
  if (state.due[name] === dueMs) return state;
  const { [name]: _before, ...due } = state.due;
  return { ...state, due: dueMs === undefined ? due : { ...due, [name]: dueMs } };
}
