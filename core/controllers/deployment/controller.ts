// What the deployment controller watches and reads.
import { sameValue } from '../../api/kinds/findings.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Clock } from '../../ports.ts';
import type { Cache, Controller } from '../controller.ts';
import { getFresh } from '../fresh.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { decideDeployment, failedDeployment, type ObservedDeployment } from './decide.ts';
import { type DeploymentReplicaSet, isRollingUpdate, type StoredDeployment } from './model.ts';
import { newSetName } from './revisions.ts';

const selectorOf = (object: KubeObject) => (object as unknown as StoredDeployment).spec?.selector;

/** All that a decision needs besides, from the cache. */
function gather(
  deployment: StoredDeployment,
  replicaSets: readonly DeploymentReplicaSet[],
  cache: Cache,
): ObservedDeployment {
  const { namespace = '' } = deployment.metadata;
  const pods = isRollingUpdate(deployment)
    ? []
    : replicaSets.flatMap((rs) => cache.ownedBy(resources.pods, rs.metadata.uid) as unknown as StoredPod[]);
  const standing = cache.get(resources.replicaSets, { namespace, name: newSetName(deployment) });
  return {
    deployment,
    replicaSets,
    pods,
    ...(standing ? { standingAtNewName: standing as unknown as DeploymentReplicaSet } : {}),
  };
}

/**
 * By the cache, unless replica sets are about to change: what they may ask for together is bounded, and a version protects
 * but the one that is written. By a cache that is behind another instance, one would be scaled beside another.
 */
async function observe(
  key: ObjectKey,
  cache: Cache,
  client: Client,
  nowMs: number,
): Promise<ObservedDeployment | undefined> {
  const object = cache.get(resources.deployments, key);
  if (!object) return undefined;
  const known = object as unknown as StoredDeployment;
  const owned = cache.ownedBy(resources.replicaSets, known.metadata.uid);
  const free = cache
    .orphans(resources.replicaSets, key.namespace)
    .filter((rs) => !isDeleting(rs) && labelSelectorMatches(selectorOf(object), rs.metadata.labels));
  const cached = gather(known, [...owned, ...free] as unknown as DeploymentReplicaSet[], cache);
  const changesSets = decideDeployment(cached, nowMs).some(
    (action) => 'of' in action && action.of === resources.replicaSets,
  );
  if (!changesSets) return cached;
  const fresh = await getFresh(client, resources.deployments, known);
  if (!fresh) return undefined;
  const { items } = await client.list(resources.replicaSets, { namespace: key.namespace });
  const isOurs = (rs: KubeObject): boolean => {
    const owner = controllerOf(rs);
    if (owner) return owner.uid === fresh.metadata.uid;
    return !isDeleting(rs) && labelSelectorMatches(fresh.spec?.selector, rs.metadata.labels);
  };
  return gather(fresh, items.filter(isOurs) as unknown as DeploymentReplicaSet[], cache);
}

function keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  if (of === resources.deployments) return [keyOf(object)];
  const namespace = object.metadata.namespace ?? '';
  if (of === resources.pods) return deploymentOfPod(object, cache);
  const keys = new Map<string, ObjectKey>();
  for (const state of [object, previous]) {
    const controller = state && controllerOf(state);
    if (controller && refersTo(controller, 'apps', 'Deployment')) {
      keys.set(controller.name, { namespace, name: controller.name });
    }
  }
  const labelsChanged = !sameValue(object.metadata.labels, previous?.metadata.labels);
  if (!controllerOf(object) && (labelsChanged || (previous && controllerOf(previous)))) {
    for (const owner of cache.list(resources.deployments, namespace)) {
      if (labelSelectorMatches(selectorOf(owner), object.metadata.labels)) keys.set(keyOf(owner).name, keyOf(owner));
    }
  }
  return [...keys.values()];
}

/** Only a deployment that recreates waits for pods to be gone. */
function deploymentOfPod(pod: KubeObject, cache: Cache): ObjectKey[] {
  const owner = controllerOf(pod);
  const namespace = pod.metadata.namespace ?? '';
  if (!owner || !refersTo(owner, 'apps', 'ReplicaSet')) return [];
  const rs = cache.get(resources.replicaSets, { namespace, name: owner.name });
  const grandOwner = rs && controllerOf(rs);
  if (!grandOwner || !refersTo(grandOwner, 'apps', 'Deployment')) return [];
  const key = { namespace, name: grandOwner.name };
  const deployment = cache.get(resources.deployments, key) as StoredDeployment | undefined;
  return deployment && !isRollingUpdate(deployment) ? [key] : [];
}

export const deploymentController = (clock: Clock): Controller<ObservedDeployment> => ({
  name: 'deployment',
  component: 'deployment-controller',
  watches: [resources.deployments, resources.replicaSets, resources.pods],
  keysFor,
  observe: (key, cache, client) => observe(key, cache, client, clock.now()),
  decide: decideDeployment,
  failed: failedDeployment,
  resyncMs: 600_000,
});
