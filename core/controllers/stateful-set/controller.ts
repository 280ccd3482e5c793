// What the stateful set controller watches and reads.
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Clock } from '../../ports.ts';
import type { Cache, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { revisionName, type StoredRevision } from '../revision-history.ts';
import { sureSet } from '../sure-set.ts';
import { decideStatefulSet, failedStatefulSet, type ObservedStatefulSet } from './decide.ts';
import { claimNames, firstOrdinal, ordinalOf, replicasOf, type StoredStatefulSet } from './pods.ts';

/** All that a decision needs besides the set and its pods, from the cache. */
function gather(set: StoredStatefulSet, pods: readonly StoredPod[], cache: Cache): ObservedStatefulSet {
  const { uid, namespace = '' } = set.metadata;
  const freeRevisions = cache
    .orphans(resources.controllerRevisions, namespace)
    .filter(({ metadata }) => labelSelectorMatches(set.spec?.selector, metadata.labels));
  const ordinals = new Set([
    ...Array.from({ length: replicasOf(set) }, (_, i) => firstOrdinal(set) + i),
    ...pods.flatMap((pod) => ordinalOf(set, pod) ?? []),
  ]);
  const claims = [...ordinals]
    .flatMap((ordinal) => claimNames(set, ordinal))
    .flatMap((name) => cache.get(resources.persistentVolumeClaims, { namespace, name }) ?? []);
  const standing = cache.get(resources.controllerRevisions, { namespace, name: revisionName(set) });
  const revisions = [...cache.ownedBy(resources.controllerRevisions, uid), ...freeRevisions];
  return {
    set,
    pods,
    revisions: revisions as unknown as StoredRevision[],
    claims,
    ...(standing ? { standingAtNewName: standing as unknown as StoredRevision } : {}),
  };
}

async function observe(
  key: ObjectKey,
  cache: Cache,
  client: Client,
  nowMs: number,
): Promise<ObservedStatefulSet | undefined> {
  const set = cache.get(resources.statefulSets, key) as unknown as StoredStatefulSet | undefined;
  if (!set) return undefined;
  const owned = cache.ownedBy(resources.pods, set.metadata.uid) as unknown as StoredPod[];
  const free = (cache.orphans(resources.pods, key.namespace) as unknown as StoredPod[]).filter(
    (pod) =>
      !isDeleting(pod) &&
      ordinalOf(set, pod) !== undefined &&
      labelSelectorMatches(set.spec?.selector, pod.metadata.labels),
  );
  const how = {
    of: resources.statefulSets,
    decide: (observed: ObservedStatefulSet) => decideStatefulSet(observed, nowMs),
    gather: (fresh: StoredStatefulSet, pods: readonly StoredPod[]) => gather(fresh, pods, cache),
    isEnd,
  };
  return await sureSet({ set, pods: [...owned, ...free] }, how, client);
}

/** Whether the status tells that all pods are there, ready and of the newest revision. */
function isEnd(set: StoredStatefulSet): boolean {
  const { replicas, readyReplicas = 0, updatedReplicas = 0, observedGeneration } = set.status ?? { replicas: 0 };
  const isWhole = [replicas, readyReplicas, updatedReplicas].every((count) => count === replicasOf(set));
  return isWhole && observedGeneration === set.metadata.generation;
}

function keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  if (of === resources.statefulSets) return [keyOf(object)];
  if (of === resources.persistentVolumeClaims) return [];
  const namespace = object.metadata.namespace ?? '';
  const keys = new Map<string, ObjectKey>();
  for (const state of [object, previous]) {
    const controller = state && controllerOf(state);
    if (controller && refersTo(controller, 'apps', 'StatefulSet')) {
      keys.set(controller.name, { namespace, name: controller.name });
    }
  }
  if (!controllerOf(object)) {
    for (const set of cache.list(resources.statefulSets, namespace)) {
      const { selector } = (set as unknown as StoredStatefulSet).spec ?? {};
      if (labelSelectorMatches(selector, object.metadata.labels)) keys.set(keyOf(set).name, keyOf(set));
    }
  }
  return [...keys.values()];
}

export const statefulSetController = (clock: Clock): Controller<ObservedStatefulSet> => ({
  name: 'stateful-set',
  component: 'statefulset-controller',
  watches: [resources.statefulSets, resources.pods, resources.controllerRevisions, resources.persistentVolumeClaims],
  keysFor,
  observe: (key, cache, client) => observe(key, cache, client, clock.now()),
  decide: decideStatefulSet,
  failed: failedStatefulSet,
  resyncMs: 600_000,
});
