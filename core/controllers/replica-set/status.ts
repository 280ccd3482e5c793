// Status of a replica set from its pods.

import { sameValue } from '../../api/kinds/findings.ts';
import type { ReplicaSetCondition, ReplicaSetStatus } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import type { Action } from '../controller.ts';
import { asObject } from '../owner.ts';
import { availableInMs, isReady, type StoredPod } from '../pod-state.ts';
import { type Flavour, type StoredReplicaSet, statusOf } from './model.ts';

export interface PodCounts {
  active: readonly StoredPod[];
  /** Made in this round: counted at once, so that whoever reads the status next knows of them. */
  created: number;
  terminating: number;
}

export interface Trouble {
  reason: 'FailedCreate' | 'FailedDelete';
  message: string;
}

const hasLabels = (pod: StoredPod, labels: Record<string, string>): boolean =>
  Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value);

/** A standing failure is kept as it was first told, and goes with the first round that had none. */
function conditionsAfter(owner: StoredReplicaSet, trouble: Trouble | undefined, nowMs: number): ReplicaSetCondition[] {
  const standing = statusOf(owner).conditions ?? [];
  const failing = standing.some((condition) => condition.type === 'ReplicaFailure');
  if (!trouble) return standing.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failing) return standing;
  const { reason, message } = trouble;
  return [
    ...standing,
    { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timestamp(nowMs), reason, message },
  ];
}

export function statusAfter(
  flavour: Flavour,
  owner: StoredReplicaSet,
  { active, created, terminating }: PodCounts,
  trouble: Trouble | undefined,
  nowMs: number,
): ReplicaSetStatus {
  const labels = owner.spec?.template?.metadata?.labels ?? {};
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
  const conditions = conditionsAfter(owner, trouble, nowMs);
  return {
    replicas: active.length + created,
    fullyLabeledReplicas: active.filter((pod) => hasLabels(pod, labels)).length + created,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0).length,
    ...(flavour.countsTerminating ? { terminatingReplicas: terminating } : {}),
    observedGeneration: owner.metadata.generation,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

/** Counts that are zero may be absent in what is stored. */
function isSame(a: ReplicaSetStatus, b: ReplicaSetStatus): boolean {
  const counts = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const;
  return (
    counts.every((field) => (a[field] ?? 0) === (b[field] ?? 0)) &&
    a.terminatingReplicas === b.terminatingReplicas &&
    (a.observedGeneration ?? 0) === (b.observedGeneration ?? 0) &&
    sameValue(a.conditions, b.conditions)
  );
}

/** Writes the status if it differs. */
export function writeStatus(flavour: Flavour, owner: StoredReplicaSet, status: ReplicaSetStatus): Action[] {
  if (isSame(statusOf(owner), status)) return [];
  return [{ do: 'update', of: flavour.of, object: asObject({ ...owner, status }), subresource: 'status' }];
}

/** When the next ready pod has been ready for long enough; undefined when none waits for that. */
export function nextAvailabilityMs(
  owner: StoredReplicaSet,
  active: readonly StoredPod[],
  nowMs: number,
): number | undefined {
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
  const waits = active
    .map((pod) => availableInMs(pod, minReadySeconds, nowMs))
    .filter((ms): ms is number => ms !== undefined && ms > 0);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}
