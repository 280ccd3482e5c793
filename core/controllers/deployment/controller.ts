// What the deployment controller watches and reads.
import { sameValue } from '../../api/kinds/findings.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Cache, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { decideDeployment, failedDeployment, type ObservedDeployment } from './decide.ts';
import { type DeploymentReplicaSet, isRollingUpdate, type StoredDeployment } from './model.ts';
import { newSetName } from './revisions.ts';

const selectorOf = (object: KubeObject) => (object as unknown as StoredDeployment).spec?.selector;

async function observe(key: ObjectKey, cache: Cache, client: Client): Promise<ObservedDeployment | undefined> {
  const object = cache.get(resources.deployments, key);
  if (!object) return undefined;
  const deployment = object as unknown as StoredDeployment;
  const owned = cache.ownedBy(resources.replicaSets, deployment.metadata.uid);
  const free = cache
    .orphans(resources.replicaSets, key.namespace)
    .filter((rs) => !isDeleting(rs) && labelSelectorMatches(selectorOf(object), rs.metadata.labels));
  if (free.length > 0 && !isDeleting(deployment)) {
    const fresh = await client.get(resources.deployments, key);
    if (fresh.metadata.uid !== deployment.metadata.uid || isDeleting(fresh)) return undefined;
  }
  const replicaSets = [...owned, ...free] as unknown as DeploymentReplicaSet[];
  const pods = isRollingUpdate(deployment)
    ? []
    : replicaSets.flatMap((rs) => cache.ownedBy(resources.pods, rs.metadata.uid) as unknown as StoredPod[]);
  const standing = cache.get(resources.replicaSets, { namespace: key.namespace, name: newSetName(deployment) });
  return {
    deployment,
    replicaSets,
    pods,
    ...(standing ? { standingAtNewName: standing as unknown as DeploymentReplicaSet } : {}),
  };
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

export const deploymentController: Controller<ObservedDeployment> = {
  name: 'deployment',
  component: 'deployment-controller',
  watches: [resources.deployments, resources.replicaSets, resources.pods],
  keysFor,
  observe,
  decide: decideDeployment,
  failed: failedDeployment,
  resyncMs: 600_000,
};
