// What a decision about a stateful set or a daemon set may rely on. Another instance may have acted on what this one's caches do
// not show yet: who goes by an older template, size or list of pods would make what is there, take back what was just made, or
// take one pod beside another that is down already. So whoever is about to change more than the status, or to tell of an end,
// asks the API for the set, and after it for its pods. While nothing is to be done, nothing is asked.
import type { Stored } from '../api/objects.ts';
import { controllerOf } from '../api/owners.ts';
import { labelSelectorMatches } from '../api/selectors.ts';
import type { DaemonSet, StatefulSet } from '../api/types.gen.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import type { Action } from './controller.ts';
import { getFresh } from './fresh.ts';
import { listOwnedPods } from './owned-pods.ts';
import type { StoredPod } from './pod-state.ts';

type StoredSet = Stored<StatefulSet> | Stored<DaemonSet>;

export interface SetLook<T extends StoredSet> {
  set: T;
  /** Owned by it, or free and to be adopted. */
  pods: readonly StoredPod[];
}

interface SureSet<T extends StoredSet, Observed extends SetLook<T>> {
  of: ResourceRef;
  decide: (observed: Observed) => readonly Action[];
  /** All that a decision needs, from a set and its pods. */
  gather: (set: T, pods: readonly StoredPod[]) => Observed;
  /** Whether this status tells that all pods are as asked for. */
  isEnd: (set: T) => boolean;
}

const isStatus = (action: Action): boolean => 'subresource' in action && action.subresource === 'status';

function isWeighty<T extends StoredSet>(set: T, actions: readonly Action[], isEnd: (set: T) => boolean): boolean {
  return actions.some((action) => {
    if (!('of' in action)) return false;
    return !isStatus(action) || (action.do === 'update' && !isEnd(set) && isEnd(action.object as unknown as T));
  });
}

/**
 * The look itself when it asks for nothing of weight; otherwise one at the set and the pods as they are now. undefined: the set
 * is gone, or another has its name. Rejects with what the API answers.
 */
export async function sureSet<T extends StoredSet, Observed extends SetLook<T>>(
  cached: SetLook<T>,
  { of, decide, gather, isEnd }: SureSet<T, Observed>,
  client: Client,
): Promise<Observed | undefined> {
  const observed = gather(cached.set, cached.pods);
  if (!isWeighty(cached.set, decide(observed), isEnd)) return observed;
  const set = await getFresh(client, of, cached.set);
  if (!set) return undefined;
  const { selector } = set.spec ?? {};
  const owned = await listOwnedPods(set, selector, client);
  const listed = new Set(owned.map(({ metadata }) => metadata.uid));
  // To be adopted, or to be let go.
  const strays = cached.pods.filter(
    (pod) =>
      !listed.has(pod.metadata.uid) && (!controllerOf(pod) || !labelSelectorMatches(selector, pod.metadata.labels)),
  );
  return gather(set, [...owned, ...strays]);
}
