// Deployments: rollouts by replica sets.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
import { isStatus } from '../../api/errors.ts';
import { controllerOf } from '../../api/owners.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import {
  type DeploymentReplicaSet,
  findCondition,
  hasProgressDeadline,
  isRollingUpdate,
  newCondition,
  type StoredDeployment,
  setCondition,
} from './model.ts';
import { DeploymentPlan } from './plan.ts';
import { findNewSet, hasTemplateOf, newSetName, syncNewSet } from './revisions.ts';
import { cutHistory, recreate, rollOut } from './rolling.ts';
import { isScaling, scaleSets } from './scaling.ts';
import { countedStatus, rolloutStatus, writeStatus } from './status.ts';

export interface ObservedDeployment {
  deployment: StoredDeployment;
  /** Owned by it, or free and matching its selector. */
  replicaSets: readonly DeploymentReplicaSet[];
  /** Pods of its replica sets; only gathered for the Recreate strategy. */
  pods: readonly StoredPod[];
  /** What stands at the name that the newest replica set would get. */
  standingAtNewName?: DeploymentReplicaSet;
}

function selectsAll({ spec }: StoredDeployment): boolean {
  const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

function refuseSelectingAll(deployment: StoredDeployment): Action[] {
  const message = 'This deployment is selecting all pods. A non-empty selector is required.';
  const about = asObject(deployment);
  const event: Action = { do: 'event', about, type: 'Warning', reason: 'SelectingAll', message };
  const { generation = 0 } = deployment.metadata;
  if ((deployment.status?.observedGeneration ?? 0) >= generation) return [event];
  const object = asObject({ ...deployment, status: { ...deployment.status, observedGeneration: generation } });
  return [event, { do: 'update', of: resources.deployments, object, subresource: 'status' }];
}

/** Pausing and resuming show in Progressing, so that the time of a pause does not count against the deadline. */
function notePause(plan: DeploymentPlan): void {
  const { deployment, status, nowMs } = plan;
  const condition = findCondition(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || condition?.reason === 'ProgressDeadlineExceeded') return;
  const noted = condition?.reason === 'DeploymentPaused';
  const paused = deployment.spec?.paused ?? false;
  if (paused === noted) return;
  const [reason, message] = paused
    ? ['DeploymentPaused', 'Deployment is paused']
    : ['DeploymentResumed', 'Deployment is resumed'];
  setCondition(status, newCondition('Progressing', 'Unknown', reason!, message!, nowMs));
}

/** Another template has the same hash: count collisions, which changes the hash. */
function resolveCollision({ deployment, standingAtNewName: standing }: ObservedDeployment): Action[] | undefined {
  if (!standing) return undefined;
  const isOurs = controllerOf(standing)?.uid === deployment.metadata.uid && hasTemplateOf(standing, deployment);
  if (isOurs) return undefined;
  const status = { ...deployment.status, collisionCount: (deployment.status?.collisionCount ?? 0) + 1 };
  const object = asObject({ ...deployment, status });
  return [{ do: 'update', of: resources.deployments, object, subresource: 'status' }];
}

export function decideDeployment(observed: ObservedDeployment, nowMs: number): Action[] {
  const { deployment } = observed;
  if (selectsAll(deployment)) return refuseSelectingAll(deployment);
  const sets = claim(deployment, deployment.spec?.selector, observed.replicaSets, resources.replicaSets);
  const newSet = findNewSet(deployment, sets.claimed);
  const plan = new DeploymentPlan(
    deployment,
    newSet,
    sets.claimed.filter((rs) => rs !== newSet),
    nowMs,
  );
  plan.actions.push(...sets.actions);
  if (!isDeleting(deployment)) notePause(plan);
  syncNewSet(plan);
  if (isDeleting(deployment)) {
    writeStatus(plan, countedStatus(plan));
  } else if (deployment.spec?.paused || isScaling(plan)) {
    scaleSets(plan);
    if (deployment.spec?.paused) cutHistory(plan, true);
    writeStatus(plan, countedStatus(plan));
  } else {
    const collision = newSet ? undefined : resolveCollision(observed);
    if (collision) return [...plan.actions, ...collision];
    if (isRollingUpdate(deployment)) rollOut(plan);
    else recreate(plan, observed.pods);
    writeStatus(plan, rolloutStatus(plan));
  }
  return plan.actions;
}

/** A replica set that cannot be created is told in an event and in Progressing. */
export function failedDeployment(observed: ObservedDeployment, failures: readonly Failure[], nowMs: number): Action[] {
  const { deployment } = observed;
  const failure = failures.find(({ action }) => action.do === 'create');
  if (!failure || isStatus(failure.error, 'AlreadyExists')) return [];
  const message = `Failed to create new replica set "${newSetName(deployment)}": ${failure.error.message}`;
  const reason = 'ReplicaSetCreateError';
  const event: Action = { do: 'event', about: asObject(deployment), type: 'Warning', reason, message };
  if (!hasProgressDeadline(deployment)) return [event];
  const status = { ...deployment.status, conditions: [...(deployment.status?.conditions ?? [])] };
  setCondition(status, newCondition('Progressing', 'False', reason, message, nowMs));
  const object = asObject({ ...deployment, status });
  return [event, { do: 'update', of: resources.deployments, object, subresource: 'status' }];
}
