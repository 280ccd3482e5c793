// Status of a deployment: counts from its replica sets, availability, and progress against the deadline.
import { sameValue } from '../../api/kinds/findings.ts';
import type { DeploymentStatus, ReplicaSetCondition } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { asObject } from '../owner.ts';
import { annotations } from './annotations.ts';
import {
  availableReplicas,
  type DeploymentReplicaSet,
  desiredReplicas,
  findCondition,
  hasProgressDeadline,
  isComplete,
  maxUnavailable,
  newCondition,
  removeCondition,
  setCondition,
  specReplicas,
  sum,
} from './model.ts';
import type { DeploymentPlan } from './plan.ts';

/** Sum of what the sets count; absent when one that was looked at does not count it. */
function terminatingReplicas(sets: readonly DeploymentReplicaSet[]): number | undefined {
  let total = 0;
  for (const { status } of sets) {
    if (status?.terminatingReplicas !== undefined) total += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return total;
}

export function countedStatus(plan: DeploymentPlan): DeploymentStatus {
  const { deployment, allSets, newSet, nowMs } = plan;
  const available = sum(allSets, availableReplicas);
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(allSets, (rs) => rs.status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(allSets, (rs) => rs.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(allSets, specReplicas) - available),
    terminatingReplicas: terminatingReplicas(allSets),
    collisionCount: plan.status.collisionCount,
    conditions: [...(plan.status.conditions ?? [])],
  };
  const enough = available >= desiredReplicas(deployment) - maxUnavailable(deployment);
  const condition = enough
    ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', nowMs)
    : newCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        nowMs,
      );
  setCondition(status, condition);
  return status;
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const count = (
    status: DeploymentStatus,
    field: 'updatedReplicas' | 'replicas' | 'readyReplicas' | 'availableReplicas',
  ) => status[field] ?? 0;
  const old = (status: DeploymentStatus): number => count(status, 'replicas') - count(status, 'updatedReplicas');
  return (
    count(after, 'updatedReplicas') > count(before, 'updatedReplicas') ||
    old(after) < old(before) ||
    count(after, 'readyReplicas') > count(before, 'readyReplicas') ||
    count(after, 'availableReplicas') > count(before, 'availableReplicas')
  );
}

function hasTimedOut(plan: DeploymentPlan, status: DeploymentStatus): boolean {
  const condition = findCondition(status, 'Progressing');
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  const deadlineMs = (plan.deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
  return Date.parse(condition.lastUpdateTime ?? '') + deadlineMs < plan.nowMs;
}

function judgeProgress(plan: DeploymentPlan, status: DeploymentStatus): void {
  const { deployment, newSet, nowMs } = plan;
  const current = findCondition(plan.status, 'Progressing');
  if (status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable') return;
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    setCondition(status, newCondition('Progressing', 'True', 'NewReplicaSetAvailable', message, nowMs));
  } else if (hasProgressed(deployment.status ?? {}, status)) {
    const condition = newCondition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, nowMs);
    // Each step renews the update time, from which the deadline counts, even when the reason stays.
    if (current?.status === 'True') condition.lastTransitionTime = current.lastTransitionTime;
    removeCondition(status, 'Progressing');
    setCondition(status, condition);
  } else if (hasTimedOut(plan, status)) {
    const message = `${subject} has timed out progressing.`;
    setCondition(status, newCondition('Progressing', 'False', 'ProgressDeadlineExceeded', message, nowMs));
  }
}

function replicaFailure({ newSet, oldSets }: DeploymentPlan): ReplicaSetCondition | undefined {
  const sets = newSet ? [newSet, ...oldSets] : oldSets;
  return sets.flatMap((rs) => rs.status?.conditions ?? []).find((condition) => condition.type === 'ReplicaFailure');
}

/** Counts, progress and failures: the status of a deployment that is rolling out or stands. */
export function rolloutStatus(plan: DeploymentPlan): DeploymentStatus {
  const status = countedStatus(plan);
  if (hasProgressDeadline(plan.deployment)) judgeProgress(plan, status);
  else removeCondition(status, 'Progressing');
  const failure = replicaFailure(plan);
  if (failure) setCondition(status, { ...failure, lastUpdateTime: failure.lastTransitionTime });
  else removeCondition(status, 'ReplicaFailure');
  return status;
}

const countFields = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
] as const;

/** Counts of zero may be absent in what is stored. */
const isSame = (a: DeploymentStatus, b: DeploymentStatus): boolean =>
  countFields.every((field) => (a[field] ?? 0) === (b[field] ?? 0)) &&
  a.terminatingReplicas === b.terminatingReplicas &&
  a.collisionCount === b.collisionCount &&
  sameValue(a.conditions, b.conditions);

/** Writes status and revision if they differ; otherwise plans the look at the deadline. */
export function writeStatus(plan: DeploymentPlan, status: DeploymentStatus): void {
  const { deployment, revision } = plan;
  const standing = deployment.metadata.annotations?.[annotations.revision];
  if (isSame(deployment.status ?? {}, status) && standing === revision) {
    planDeadline(plan, status);
    return;
  }
  const metadata =
    revision === undefined
      ? deployment.metadata
      : {
          ...deployment.metadata,
          annotations: { ...deployment.metadata.annotations, [annotations.revision]: revision },
        };
  const object = asObject({ ...deployment, metadata, status });
  plan.actions.push({ do: 'update', of: resources.deployments, object, subresource: 'status' });
}

function planDeadline(plan: DeploymentPlan, status: DeploymentStatus): void {
  const { deployment, nowMs } = plan;
  const condition = findCondition(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || !condition || deployment.spec?.paused) return;
  // Of a rollout that has ended nothing is judged any more, also when pods are lost later.
  if (condition.reason === 'NewReplicaSetAvailable' || condition.reason === 'ProgressDeadlineExceeded') return;
  if (isComplete(deployment, status)) return;
  const deadlineMs = (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
  const afterMs = Date.parse(condition.lastUpdateTime ?? '') + deadlineMs - nowMs;
  plan.actions.push({ do: 'requeue', afterMs: Math.max(0, afterMs) + 1000 });
}
