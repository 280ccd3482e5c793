// Scaling a deployment in the middle of a rollout: every set gets its share, so that a bad new version does not get it all.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
import { countAnnotation } from './annotations.ts';
import {
  availableReplicas,
  byCreation,
  type DeploymentReplicaSet,
  desiredReplicas,
  isRollingUpdate,
  maxSurge,
  type StoredDeployment,
  specReplicas,
  sum,
} from './model.ts';
import type { DeploymentPlan } from './plan.ts';

/** The deployment's size differs from what an active set remembers. */
export const isScaling = (plan: DeploymentPlan): boolean =>
  plan.allSets.some((rs) => {
    const remembered = countAnnotation(rs, 'desiredReplicas');
    return specReplicas(rs) > 0 && remembered !== undefined && remembered !== desiredReplicas(plan.deployment);
  });

export function scaleSets(plan: DeploymentPlan): void {
  const desired = desiredReplicas(plan.deployment);
  const only = activeOrLatest(plan);
  if (only) {
    plan.scale(only, desired);
    return;
  }
  if (isSaturated(plan.newSet, desired)) {
    for (const rs of plan.oldSets) if (specReplicas(rs) > 0) plan.scale(rs, 0);
    return;
  }
  if (isRollingUpdate(plan.deployment)) scaleInProportion(plan);
}

/** The one set with pods; when none has any the newest; undefined when several have. */
function activeOrLatest({ newSet, oldSets, allSets }: DeploymentPlan): DeploymentReplicaSet | undefined {
  const active = allSets.filter((rs) => specReplicas(rs) > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? newSet ?? oldSets.at(-1);
}

const isSaturated = (rs: DeploymentReplicaSet | undefined, desired: number): boolean =>
  rs !== undefined &&
  specReplicas(rs) === desired &&
  countAnnotation(rs, 'desiredReplicas') === desired &&
  availableReplicas(rs) === desired;

function scaleInProportion(plan: DeploymentPlan): void {
  const { deployment } = plan;
  const active = plan.allSets.filter((rs) => specReplicas(rs) > 0);
  const desired = desiredReplicas(deployment);
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0;
  const toAdd = allowed - sum(active, specReplicas);
  // The largest first; of equals, growing favours the newer and shrinking the older.
  const newerFirst = toAdd > 0 ? -1 : 1;
  active.sort((a, b) => specReplicas(b) - specReplicas(a) || newerFirst * byCreation(a, b));
  const sizes = new Map<DeploymentReplicaSet, number>();
  let added = 0;
  for (const rs of active) {
    const share = shareOf(rs, deployment, toAdd, toAdd - added);
    sizes.set(rs, specReplicas(rs) + share);
    added += share;
  }
  const largest = active[0];
  if (largest) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
  for (const [rs, size] of sizes) plan.scale(rs, size, true);
}

function shareOf(rs: DeploymentReplicaSet, deployment: StoredDeployment, toAdd: number, left: number): number {
  if (toAdd === 0 || left === 0) return 0;
  const fraction = fractionOf(rs, deployment);
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

/** How the set would change if all sets grew alike from the size that the deployment had before. */
function fractionOf(rs: DeploymentReplicaSet, deployment: StoredDeployment): number {
  const current = specReplicas(rs);
  const desired = desiredReplicas(deployment);
  if (desired === 0) return -current;
  const before = countAnnotation(rs, 'maxReplicas') || deployment.status?.replicas || 0;
  if (before === 0) return 0;
  return Math.round((current * (desired + maxSurge(deployment))) / before) - current;
}
