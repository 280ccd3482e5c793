// What the stateful set controller watches and reads.
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Cache, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { revisionName, type StoredRevision } from '../revision-history.ts';
import { decideStatefulSet, failedStatefulSet, type ObservedStatefulSet } from './decide.ts';
import { claimNames, firstOrdinal, ordinalOf, replicasOf, type StoredStatefulSet } from './pods.ts';

async function observe(key: ObjectKey, cache: Cache, client: Client): Promise<ObservedStatefulSet | undefined> {
  const set = cache.get(resources.statefulSets, key) as unknown as StoredStatefulSet | undefined;
  if (!set) return undefined;
  const { uid } = set.metadata;
  const matches = ({ metadata }: KubeObject): boolean => labelSelectorMatches(set.spec?.selector, metadata.labels);
  const free = (cache.orphans(resources.pods, key.namespace) as unknown as StoredPod[]).filter(
    (pod) => !isDeleting(pod) && ordinalOf(set, pod) !== undefined && matches(pod as unknown as KubeObject),
  );
  const freeRevisions = cache.orphans(resources.controllerRevisions, key.namespace).filter(matches);
  if (free.length + freeRevisions.length > 0 && !isDeleting(set)) {
    const fresh = await client.get(resources.statefulSets, key);
    if (fresh.metadata.uid !== uid || isDeleting(fresh)) return undefined;
  }
  const owned = cache.ownedBy(resources.pods, uid) as unknown as StoredPod[];
  const pods = [...owned, ...free];
  const ordinals = new Set([
    ...Array.from({ length: replicasOf(set) }, (_, i) => firstOrdinal(set) + i),
    ...pods.flatMap((pod) => ordinalOf(set, pod) ?? []),
  ]);
  const claims = [...ordinals]
    .flatMap((ordinal) => claimNames(set, ordinal))
    .flatMap((name) => cache.get(resources.persistentVolumeClaims, { namespace: key.namespace, name }) ?? []);
  const standing = cache.get(resources.controllerRevisions, { namespace: key.namespace, name: revisionName(set) });
  const revisions = [...cache.ownedBy(resources.controllerRevisions, uid), ...freeRevisions];
  return {
    set,
    pods,
    revisions: revisions as unknown as StoredRevision[],
    claims,
    ...(standing ? { standingAtNewName: standing as unknown as StoredRevision } : {}),
  };
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

export const statefulSetController: Controller<ObservedStatefulSet> = {
  name: 'stateful-set',
  component: 'statefulset-controller',
  watches: [resources.statefulSets, resources.pods, resources.controllerRevisions, resources.persistentVolumeClaims],
  keysFor,
  observe,
  decide: decideStatefulSet,
  failed: failedStatefulSet,
  resyncMs: 600_000,
};
