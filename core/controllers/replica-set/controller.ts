// Replica sets and replication controllers: one controller in two flavours.

import { sameValue } from '../../api/kinds/findings.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import { keyOf } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { LabelSelector } from '../../api/types.gen.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Cache, Controller } from '../controller.ts';
import { getFresh } from '../fresh.ts';
import { listOwnedPods } from '../owned-pods.ts';
import { isDeleting } from '../owner.ts';
import { isActive, type StoredPod } from '../pod-state.ts';
import { BURST, decideReplicaSet, failedReplicaSet } from './decide.ts';
import { type Flavour, type ObservedReplicaSet, replicasOf, type StoredReplicaSet } from './model.ts';
import { freePodNames } from './pod-names.ts';

const replicaSets: Flavour = {
  name: 'replica-set',
  component: 'replicaset-controller',
  of: resources.replicaSets,
  group: 'apps',
  kind: 'ReplicaSet',
  selectorOf: (object) => (object as unknown as StoredReplicaSet).spec?.selector,
  countsTerminating: true,
};

/** A map selector as a LabelSelector object, one for each map, so that matching can remember what it compiled. */
const mapSelectors = new WeakMap<object, LabelSelector>();

function selectorOfMap(map: Record<string, string> | undefined): LabelSelector | undefined {
  if (!map) return undefined;
  let selector = mapSelectors.get(map);
  if (!selector) mapSelectors.set(map, (selector = { matchLabels: map }));
  return selector;
}

const replicationControllers: Flavour = {
  name: 'replication-controller',
  component: 'replication-controller',
  of: resources.replicationControllers,
  group: '',
  kind: 'ReplicationController',
  selectorOf: (object) =>
    selectorOfMap((object['spec'] as { selector?: Record<string, string> } | undefined)?.selector),
  countsTerminating: false,
};

function podsOnNode(owner: StoredReplicaSet, flavour: Flavour, cache: Cache): Record<string, number> {
  const controller = controllerOf(owner);
  const family = controller ? cache.ownedBy(flavour.of, controller.uid) : [owner as unknown as KubeObject];
  const counts: Record<string, number> = {};
  for (const member of family) {
    for (const pod of cache.ownedBy(resources.pods, member.metadata.uid ?? '') as unknown as StoredPod[]) {
      const node = pod.spec?.nodeName ?? '';
      if (isActive(pod)) counts[node] = (counts[node] ?? 0) + 1;
    }
  }
  return counts;
}

/**
 * The owner and its pods: by the cache while that shows as many as are asked for, and by the API before pods are made or given
 * up. By an older size, or by pods that another instance has made or given up already, there would be too many or too few.
 */
async function sureLook(
  known: StoredReplicaSet,
  flavour: Flavour,
  cache: Cache,
  client: Client,
): Promise<{ owner: StoredReplicaSet; owned: readonly StoredPod[] } | undefined> {
  const cached = cache.ownedBy(resources.pods, known.metadata.uid) as unknown as StoredPod[];
  if (cached.filter(isActive).length === replicasOf(known) || isDeleting(known)) return { owner: known, owned: cached };
  const owner = await getFresh(client, flavour.of, known);
  if (!owner) return undefined;
  const selector = flavour.selectorOf(owner as unknown as KubeObject);
  return { owner, owned: await listOwnedPods(owner, selector, client) };
}

async function observe(
  flavour: Flavour,
  key: ObjectKey,
  cache: Cache,
  client: Client,
): Promise<ObservedReplicaSet | undefined> {
  const object = cache.get(flavour.of, key);
  if (!object) return undefined;
  const look = await sureLook(object as unknown as StoredReplicaSet, flavour, cache, client);
  if (!look) return undefined;
  const { owner, owned } = look;
  const selector = flavour.selectorOf(owner as unknown as KubeObject);
  const free = (cache.orphans(resources.pods, key.namespace) as unknown as StoredPod[]).filter(
    (pod) => isActive(pod) && labelSelectorMatches(selector, pod.metadata.labels),
  );
  if (free.length > 0 && !isDeleting(owner)) {
    // Who adopts must be there: a pod adopted by an owner that is gone would be collected as garbage.
    const fresh = await client.get(flavour.of, key);
    if (fresh.metadata.uid !== owner.metadata.uid || isDeleting(fresh)) return undefined;
  }
  const active = owned.filter(isActive).length + free.length;
  const wanted = Math.min(BURST, Math.max(0, replicasOf(owner) - owned.filter(isActive).length));
  const isTaken = (name: string): boolean =>
    cache.get(resources.pods, { namespace: key.namespace, name }) !== undefined;
  return {
    owner,
    selector,
    pods: [...owned, ...free],
    podsOnNode: active > replicasOf(owner) ? podsOnNode(owner, flavour, cache) : {},
    freeNames: freePodNames(owner, wanted, isTaken),
  };
}

function keysFor(
  flavour: Flavour,
  of: ResourceRef,
  object: KubeObject,
  previous: KubeObject | undefined,
  cache: Cache,
): ObjectKey[] {
  if (of.plural === flavour.of.plural) return [keyOf(object)];
  const namespace = object.metadata.namespace ?? '';
  const keys = new Map<string, ObjectKey>();
  for (const state of [object, previous]) {
    const controller = state && controllerOf(state);
    if (controller && refersTo(controller, flavour.group, flavour.kind)) {
      keys.set(controller.name, { namespace, name: controller.name });
    }
  }
  const isFree = !controllerOf(object);
  const labelsChanged = !sameValue(object.metadata.labels, previous?.metadata.labels);
  if (isFree && (labelsChanged || (previous && controllerOf(previous)))) {
    for (const owner of cache.list(flavour.of, namespace)) {
      if (labelSelectorMatches(flavour.selectorOf(owner), object.metadata.labels))
        keys.set(keyOf(owner).name, keyOf(owner));
    }
  }
  return [...keys.values()];
}

const controllerFor = (flavour: Flavour): Controller<ObservedReplicaSet> => ({
  name: flavour.name,
  component: flavour.component,
  watches: [flavour.of, resources.pods],
  keysFor: (of, object, previous, cache) => keysFor(flavour, of, object, previous, cache),
  observe: (key, cache, client) => observe(flavour, key, cache, client),
  decide: decideReplicaSet(flavour),
  failed: failedReplicaSet(flavour),
  resyncMs: 600_000,
});

export const replicaSetController = controllerFor(replicaSets);
export const replicationControllerController = controllerFor(replicationControllers);
