// Replica sets: as many pods as asked for, from one template.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
import { isStatus } from '../../api/errors.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject, claim, controllerReference, isDeleting } from '../owner.ts';
import { givingUpOrder, isActive, isFinished, type StoredPod } from '../pod-state.ts';
import { type Flavour, type ObservedReplicaSet, replicasOf, type StoredReplicaSet } from './model.ts';
import { nextAvailabilityMs, type PodCounts, statusAfter, type Trouble, writeStatus } from './status.ts';

/** Pods made or removed in one go, as kube-controller-manager's burst. */
export const BURST = 500;

interface Claimed extends PodCounts {
  actions: Action[];
}

function claimPods({ owner, selector, pods }: ObservedReplicaSet): Claimed {
  const active = claim(owner, selector, pods.filter(isActive), resources.pods);
  const terminating = pods.filter((pod) => isDeleting(pod) && !isFinished(pod));
  return {
    active: active.claimed,
    created: 0,
    terminating: claim(owner, selector, terminating, resources.pods).claimed.length,
    actions: active.actions,
  };
}

function newPod(owner: StoredReplicaSet, name: string): Action {
  const template = owner.spec?.template;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const object = asObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    spec: template?.spec,
  } as StoredPod);
  const message = `Created pod: ${name}`;
  const event = { about: asObject(owner), type: 'Normal', reason: 'SuccessfulCreate', message } as const;
  return { do: 'create', of: resources.pods, object, event };
}

function removePod(owner: StoredReplicaSet, pod: StoredPod): Action {
  const { namespace = '', name, uid } = pod.metadata;
  const message = `Deleted pod: ${name}`;
  const event = { about: asObject(owner), type: 'Normal', reason: 'SuccessfulDelete', message } as const;
  return { do: 'delete', of: resources.pods, key: { namespace, name }, options: { uid }, event };
}

interface Scaling {
  created: readonly string[];
  removed: readonly StoredPod[];
}

function scale(observed: ObservedReplicaSet, active: readonly StoredPod[], nowMs: number): Scaling {
  const { owner, freeNames, podsOnNode } = observed;
  const surplus = isDeleting(owner) ? 0 : active.length - replicasOf(owner);
  if (surplus <= 0) return { created: freeNames.slice(0, Math.min(-surplus, BURST)), removed: [] };
  const order = [...active].sort(givingUpOrder(podsOnNode, nowMs));
  return { created: [], removed: order.slice(0, Math.min(surplus, BURST)) };
}

export const decideReplicaSet =
  (flavour: Flavour) =>
  (observed: ObservedReplicaSet, nowMs: number): Action[] => {
    const { owner } = observed;
    const claimed = claimPods(observed);
    const { created, removed } = scale(observed, claimed.active, nowMs);
    const active = claimed.active.filter((pod) => !removed.includes(pod));
    // A pod on a node takes its time to end; any other is gone at once.
    const terminating = claimed.terminating + removed.filter((pod) => pod.spec?.nodeName).length;
    const status = statusAfter(flavour, owner, { active, created: created.length, terminating }, undefined, nowMs);
    const nextMs = nextAvailabilityMs(owner, active, nowMs);
    return [
      ...claimed.actions,
      ...created.map((name) => newPod(owner, name)),
      ...removed.map((pod) => removePod(owner, pod)),
      ...writeStatus(flavour, owner, status),
      ...(nextMs === undefined ? [] : [{ do: 'requeue', afterMs: nextMs } as const]),
    ];
  };

/** Creates and deletes that fail are told in an event each and in the ReplicaFailure condition. */
export const failedReplicaSet =
  (flavour: Flavour) =>
  (observed: ObservedReplicaSet, failures: readonly Failure[], nowMs: number): Action[] => {
    const about = asObject(observed.owner);
    const actions: Action[] = [];
    let trouble: Trouble | undefined;
    for (const { action, error } of failures) {
      // A name taken is our own pod that the cache is about to show.
      if (isStatus(error, 'AlreadyExists')) continue;
      if (action.do === 'create') {
        const message = `Error creating: ${error.message}`;
        actions.push({ do: 'event', about, type: 'Warning', reason: 'FailedCreate', message });
        trouble ??= { reason: 'FailedCreate', message: error.message };
      } else if (action.do === 'delete') {
        const message = `Error deleting: ${error.message}`;
        actions.push({ do: 'event', about, type: 'Warning', reason: 'FailedDelete', message });
        trouble ??= { reason: 'FailedDelete', message: error.message };
      }
    }
    if (!trouble) return actions;
    const status = statusAfter(flavour, observed.owner, claimPods(observed), trouble, nowMs);
    return [...actions, ...writeStatus(flavour, observed.owner, status)];
  };
