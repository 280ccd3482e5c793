// One round of a rolling update or of a recreation, and the end of both: history is cut to its limit.
import { resources } from '../../client/resources.ts';
import { isDeleting } from '../owner.ts';
import { isFinished, type StoredPod } from '../pod-state.ts';
import { revisionOf } from './annotations.ts';
import {
  availableReplicas,
  byCreation,
  compare,
  type DeploymentReplicaSet,
  desiredReplicas,
  hasHistoryLimit,
  isComplete,
  maxUnavailable,
  specReplicas,
  sum,
} from './model.ts';
import type { DeploymentPlan } from './plan.ts';
import { createNewSet, newSetReplicas } from './revisions.ts';

const activeSets = (sets: readonly DeploymentReplicaSet[]): DeploymentReplicaSet[] =>
  sets.filter((rs) => specReplicas(rs) > 0);

/** Up with the new, then down with the old; each round does one of both. */
export function rollOut(plan: DeploymentPlan): void {
  if (!plan.newSet) createNewSet(plan);
  if (growNewSet(plan)) return;
  if (shrinkOldSets(plan)) return;
  cutHistory(plan);
}

function growNewSet(plan: DeploymentPlan): boolean {
  const { newSet, deployment } = plan;
  if (!newSet) return false;
  const current = specReplicas(newSet);
  const desired = desiredReplicas(deployment);
  return plan.scale(newSet, current >= desired ? desired : newSetReplicas(plan, current));
}

function shrinkOldSets(plan: DeploymentPlan): boolean {
  const { deployment, newSet } = plan;
  const old = activeSets(plan.oldSets);
  if (old.length === 0 || !newSet) return false;
  const least = desiredReplicas(deployment) - maxUnavailable(deployment);
  const unavailableNew = specReplicas(newSet) - availableReplicas(newSet);
  // New pods that are not available yet must not let old ones go.
  const most = sum([...old, newSet], specReplicas) - least - unavailableNew;
  if (most <= 0) return false;
  const cleaned = dropUnhealthy(plan, old, most);
  // In a state that is of one piece the two limits agree; what replica sets say of themselves may lag behind their size.
  const dropped = dropAvailable(plan, least, most - cleaned);
  return cleaned + dropped > 0;
}

/** Old pods that are not available go first: they only stand in the way. */
function dropUnhealthy(plan: DeploymentPlan, old: readonly DeploymentReplicaSet[], most: number): number {
  let dropped = 0;
  for (const rs of old) {
    const unhealthy = specReplicas(rs) - availableReplicas(rs);
    const count = Math.min(most - dropped, unhealthy);
    if (count <= 0) continue;
    plan.scale(rs, specReplicas(rs) - count);
    dropped += count;
  }
  return dropped;
}

function dropAvailable(plan: DeploymentPlan, least: number, most: number): number {
  const available = sum(activeSets(plan.oldSets), availableReplicas) + availableReplicas(plan.newSet!);
  const spare = Math.min(available - least, most);
  let dropped = 0;
  for (const rs of activeSets(plan.oldSets)) {
    const count = Math.min(specReplicas(rs), spare - dropped);
    if (count <= 0) continue;
    plan.scale(rs, specReplicas(rs) - count);
    dropped += count;
  }
  return dropped;
}

/** All of the old is gone before the new begins. */
export function recreate(plan: DeploymentPlan, pods: readonly StoredPod[]): void {
  const old = activeSets(plan.oldSets);
  if (old.length > 0) {
    for (const rs of old) plan.scale(rs, 0);
    return;
  }
  if (oldPodsRun(plan, pods)) return;
  if (!plan.newSet) createNewSet(plan);
  plan.scale(plan.newSet!, desiredReplicas(plan.deployment));
  cutHistory(plan);
}

function oldPodsRun({ oldSets, newSet }: DeploymentPlan, pods: readonly StoredPod[]): boolean {
  if (sum(oldSets, (rs) => rs.status?.replicas ?? 0) > 0) return true;
  const newUid = newSet?.metadata.uid;
  return pods.some((pod) => !isFinished(pod) && !pod.metadata.ownerReferences?.some((owner) => owner.uid === newUid));
}

/** Keeps the newest `revisionHistoryLimit` old sets, of those that have no pods. */
export function cutHistory(plan: DeploymentPlan, always = false): void {
  const { deployment } = plan;
  if (!hasHistoryLimit(deployment)) return;
  if (!always && !isComplete(deployment, deployment.status ?? {})) return;
  const standing = plan.oldSets.filter((rs) => !isDeleting(rs));
  const surplus = standing.length - (deployment.spec?.revisionHistoryLimit ?? 0);
  if (surplus <= 0) return;
  const byRevision = [...standing].sort(
    (a, b) => compare(revisionOf(a) ?? 0n, revisionOf(b) ?? 0n) || byCreation(a, b),
  );
  for (const rs of byRevision.slice(0, surplus)) {
    const seen = (rs.metadata.generation ?? 0) <= (rs.status?.observedGeneration ?? 0);
    if ((rs.status?.replicas ?? 0) !== 0 || specReplicas(rs) !== 0 || !seen) continue;
    const { namespace = '', name, uid } = rs.metadata;
    plan.actions.push({ do: 'delete', of: resources.replicaSets, key: { namespace, name }, options: { uid } });
  }
}
