// Which replica set is the deployment's newest, what it is called, and how revisions are counted.
import { sameValue } from '../../api/kinds/findings.ts';
import type { LabelSelector, PodTemplateSpec } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { canonicalJson, fnv1a, safeDigits } from '../hash.ts';
import { asObject, controllerReference } from '../owner.ts';
import { annotations, newSetAnnotations, replicasAnnotations, revisionOf } from './annotations.ts';
import {
  byCreation,
  compare,
  type DeploymentReplicaSet,
  desiredReplicas,
  findCondition,
  hashLabel,
  hasProgressDeadline,
  isRollingUpdate,
  maxSurge,
  newCondition,
  type StoredDeployment,
  setCondition,
  specReplicas,
  sum,
} from './model.ts';
import type { DeploymentPlan } from './plan.ts';

/** Longest name of an object. */
const NAME_LIMIT = 253;

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  const { labels: _labels, ...metadata } = template?.metadata ?? {};
  // The stored form of a template may or may not have the empty time.
  const { creationTimestamp: _time, ...rest } = metadata;
  return { ...template, metadata: { ...rest, ...(Object.keys(labels).length > 0 ? { labels } : {}) } };
}

export const hasTemplateOf = (rs: DeploymentReplicaSet, deployment: StoredDeployment): boolean =>
  sameValue(withoutHash(rs.spec?.template), withoutHash(deployment.spec?.template));

/** The oldest replica set with the deployment's template. */
export const findNewSet = (
  deployment: StoredDeployment,
  sets: readonly DeploymentReplicaSet[],
): DeploymentReplicaSet | undefined => [...sets].sort(byCreation).find((rs) => hasTemplateOf(rs, deployment));

/** The same template gives the same hash on every machine and in every release; a collision counts it on. */
export function templateHash(deployment: StoredDeployment): string {
  const text = canonicalJson(deployment.spec?.template);
  const { collisionCount } = deployment.status ?? {};
  return safeDigits(fnv1a(collisionCount === undefined ? text : `${text}/${collisionCount}`));
}

export function newSetName(deployment: StoredDeployment): string {
  const suffix = `-${templateHash(deployment)}`;
  return deployment.metadata.name.slice(0, NAME_LIMIT - suffix.length) + suffix;
}

export function nextRevision(oldSets: readonly DeploymentReplicaSet[]): bigint {
  const standing = [0n, ...oldSets.map((rs) => revisionOf(rs) ?? 0n)].sort(compare);
  return standing.at(-1)! + 1n;
}

/** How many pods the newest set may have now: the surge that is left, up to the desired number. */
export function newSetReplicas(plan: DeploymentPlan, current: number): number {
  const { deployment } = plan;
  const desired = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const room = desired + maxSurge(deployment) - sum(plan.allSets, specReplicas);
  return room <= 0 ? current : current + Math.min(room, desired - current);
}

/** Brings the newest set's annotations and minReadySeconds up to date, and the deployment's revision with them. */
export function syncNewSet(plan: DeploymentPlan): void {
  const { deployment, newSet, nowMs } = plan;
  if (!newSet) return;
  const wanted = newSetAnnotations(deployment, newSet.metadata.annotations, nextRevision(plan.oldSets));
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  if (!sameValue(wanted, newSet.metadata.annotations) || (newSet.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
    plan.update({
      ...newSet,
      metadata: { ...newSet.metadata, annotations: wanted },
      spec: { ...newSet.spec!, minReadySeconds },
    });
  }
  plan.revision = wanted[annotations.revision] ?? plan.revision;
  if (hasProgressDeadline(deployment) && !findCondition(plan.status, 'Progressing')) {
    const message = `Found new replica set "${newSet.metadata.name}"`;
    setCondition(plan.status, newCondition('Progressing', 'True', 'FoundNewReplicaSet', message, nowMs));
  }
}

const withLabel = (selector: LabelSelector | undefined, hash: string): LabelSelector => ({
  ...selector,
  matchLabels: { ...selector?.matchLabels, [hashLabel]: hash },
});

/** Creates the set for the deployment's template, sized by what the strategy allows now. */
export function createNewSet(plan: DeploymentPlan): void {
  const { deployment, nowMs } = plan;
  const hash = templateHash(deployment);
  const template = deployment.spec?.template;
  const labels = { ...template?.metadata?.labels, [hashLabel]: hash };
  const revision = nextRevision(plan.oldSets);
  const replicas = newSetReplicas(plan, 0);
  const desired = desiredReplicas(deployment);
  const name = newSetName(deployment);
  const newSet: DeploymentReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace,
      labels,
      annotations: {
        ...newSetAnnotations(deployment, undefined, revision),
        ...replicasAnnotations(desired, desired + maxSurge(deployment)),
      },
      ownerReferences: [controllerReference(deployment)],
    } as unknown as DeploymentReplicaSet['metadata'],
    spec: {
      replicas,
      ...(deployment.spec?.minReadySeconds ? { minReadySeconds: deployment.spec.minReadySeconds } : {}),
      selector: withLabel(deployment.spec?.selector, hash),
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
  const about = asObject(deployment);
  const message = `Scaled up replica set ${name} from 0 to ${replicas}`;
  const event = { about, type: 'Normal', reason: 'ScalingReplicaSet', message } as const;
  plan.actions.push({
    do: 'create',
    of: resources.replicaSets,
    object: asObject(newSet),
    ...(replicas > 0 ? { event } : {}),
  });
  plan.newSet = newSet;
  plan.revision = String(revision);
  if (hasProgressDeadline(deployment)) {
    const created = `Created new replica set "${name}"`;
    setCondition(plan.status, newCondition('Progressing', 'True', 'NewReplicaSetCreated', created, nowMs));
  }
}
