// Numbers and addresses of which each may be held once in a cluster: a claim is an object in the store, made if absent,
// so that two API servers never hand out the same one.
import type { KubeObject } from '../api/objects.ts';
import type { ApiServerDeps } from './server.ts';

export interface Claim {
  /** Resource in the store that holds the claims. */
  resource: string;
  name: string;
  object: KubeObject;
}

/** How long a claim whose owner is not there may still be on its way, in milliseconds. */
const settleMs = 60_000;

/**
 * True: the claim is ours. `isHeld` says whether the owner that stands in a claim still holds it: a claim that a crashed
 * create left behind is taken over after a while.
 */
export async function claim(
  deps: ApiServerDeps,
  wanted: Claim,
  isHeld: (object: KubeObject) => Promise<boolean>,
): Promise<boolean> {
  const key = { namespace: '', name: wanted.name };
  const commit = { op: 'put', resource: wanted.resource, key, object: wanted.object } as const;
  const first = await deps.store.commit({ ...commit, expected: 'absent' });
  if (first.ok) return true;
  const standing = first.current;
  if (!standing) return false;
  const since = Date.parse(standing.object.metadata.creationTimestamp ?? '');
  if (deps.clock.now() - since < settleMs || (await isHeld(standing.object))) return false;
  return (await deps.store.commit({ ...commit, expected: standing.revision })).ok;
}

/** Gives a claim back if `mine` says that it is still the one that was made. */
export async function unclaim(
  deps: ApiServerDeps,
  resource: string,
  name: string,
  mine: (object: KubeObject) => boolean,
): Promise<void> {
  const key = { namespace: '', name };
  const standing = await deps.store.get(resource, key);
  if (!standing || !mine(standing.object)) return;
  await deps.store.commit({ op: 'delete', resource, key, object: standing.object, expected: standing.revision });
}

const bytesOfNumber = 4;

/** A random number from 0 to below `size` (at most 2^32), to start looking for something free. */
export function randomBelow(deps: ApiServerDeps, size: number): number {
  const bytes = deps.ids.bytes(bytesOfNumber);
  return new DataView(bytes.buffer, bytes.byteOffset, bytesOfNumber).getUint32(0) % size;
}
