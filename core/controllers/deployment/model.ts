// Terms of a deployment: its replica sets, its numbers, its conditions.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
import type { Stored } from '../../api/objects.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';

export type StoredDeployment = Stored<Deployment>;
/** A replica set that is about to be created has no uid yet. */
export type DeploymentReplicaSet = Stored<ReplicaSet>;

export const hashLabel = 'pod-template-hash';
/** What stands for "never" in progressDeadlineSeconds and revisionHistoryLimit. */
const UNLIMITED = 2_147_483_647;

export const desiredReplicas = (deployment: StoredDeployment): number => deployment.spec?.replicas ?? 1;
export const specReplicas = (rs: DeploymentReplicaSet): number => rs.spec?.replicas ?? 1;
export const availableReplicas = (rs: DeploymentReplicaSet): number => rs.status?.availableReplicas ?? 0;
export const isRollingUpdate = (deployment: StoredDeployment): boolean =>
  (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

export const sum = <T>(items: readonly T[], count: (item: T) => number): number =>
  items.reduce((total, item) => total + count(item), 0);

/** A number, or a percentage of `total` rounded up or down. */
function scaled(value: number | string | undefined, total: number, round: (n: number) => number): number {
  if (value === undefined) return 0;
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * total) / 100);
}

/** How many pods above and below the desired number a rolling update may have. Both zero would never move: one is given up. */
function fenceposts(deployment: StoredDeployment): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const total = desiredReplicas(deployment);
  const surge = scaled(maxSurge, total, Math.ceil);
  const unavailable = scaled(maxUnavailable, total, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

export const maxSurge = (deployment: StoredDeployment): number =>
  isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;

export function maxUnavailable(deployment: StoredDeployment): number {
  const total = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment) || total === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, total);
}

export const hasProgressDeadline = ({ spec }: StoredDeployment): boolean =>
  spec?.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== UNLIMITED;

export const hasHistoryLimit = ({ spec }: StoredDeployment): boolean =>
  spec?.revisionHistoryLimit !== undefined && spec.revisionHistoryLimit !== UNLIMITED;

/** Oldest first; of one second, by name. */
export const byCreation = (a: DeploymentReplicaSet, b: DeploymentReplicaSet): number =>
  compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
  compare(a.metadata.name, b.metadata.name);

export const compare = <T extends string | number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

export const findCondition = (status: DeploymentStatus, type: string): DeploymentCondition | undefined =>
  status.conditions?.find((condition) => condition.type === type);

export const removeCondition = (status: DeploymentStatus, type: string): void => {
  status.conditions = (status.conditions ?? []).filter((condition) => condition.type !== type);
};

/** Same status and reason: nothing changes. Same status only: the time of the transition stays. */
export function setCondition(status: DeploymentStatus, condition: DeploymentCondition): void {
  const standing = findCondition(status, condition.type);
  if (standing?.status === condition.status && standing.reason === condition.reason) return;
  const kept = standing?.status === condition.status ? standing.lastTransitionTime : condition.lastTransitionTime;
  removeCondition(status, condition.type);
  status.conditions?.push({ ...condition, lastTransitionTime: kept });
}

export function newCondition(
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const time = timestamp(nowMs);
  return { type, status, lastUpdateTime: time, lastTransitionTime: time, reason, message };
}

/** The rollout has arrived: everything is new, there, and available. */
export const isComplete = (deployment: StoredDeployment, status: DeploymentStatus): boolean => {
  const total = desiredReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === total &&
    (status.replicas ?? 0) === total &&
    (status.availableReplicas ?? 0) === total &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
};
