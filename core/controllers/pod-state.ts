// What controllers ask of a pod: active, ready, available, and which of several to give up first.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions and
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
import type { Stored } from '../api/objects.ts';
import type { Pod, PodCondition } from '../api/types.gen.ts';

export type StoredPod = Stored<Pod>;

export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

export const isActive = (pod: Pod): boolean => !isFinished(pod) && pod.metadata?.deletionTimestamp === undefined;

export const conditionOf = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type);

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';

/** Milliseconds since the epoch; undefined when the pod is not ready. */
export function readySinceMs(pod: Pod): number | undefined {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : 0;
}

/** 0: available now. undefined: not ready, so no time will make it so. Otherwise the milliseconds until it is. */
export function availableInMs(pod: Pod, minReadySeconds: number, nowMs: number): number | undefined {
  const since = readySinceMs(pod);
  if (since === undefined) return undefined;
  return Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const phaseRank = (pod: Pod): number => phaseOrder[pod.status?.phase ?? 'Pending'] ?? 0;

function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '0';
  return /^(0|-?[1-9][0-9]*|\+?[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
}

function restarts(pod: Pod): [regular: number, sidecar: number] {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  );
  const regular = (pod.status?.containerStatuses ?? []).map((s) => s.restartCount ?? 0);
  const sidecar = (pod.status?.initContainerStatuses ?? [])
    .filter((s) => sidecars.has(s.name))
    .map((s) => s.restartCount ?? 0);
  return [Math.max(0, ...regular), Math.max(0, ...sidecar)];
}

/** Ages count by powers of two, so that the youngest is not always the one to go. Below zero: `a` is younger by rank. */
function ageRank(aMs: number, bMs: number, nowMs: number): number {
  const rank = (ms: number): number => {
    const nanoseconds = (nowMs - ms) * 1e6;
    return nanoseconds > 0 ? Math.floor(Math.log2(nanoseconds)) : -1;
  };
  return rank(aMs) - rank(bMs);
}

const byUid = (a: StoredPod, b: StoredPod): number => (a.metadata.uid < b.metadata.uid ? -1 : 1);

/**
 * Order of giving up: unassigned, pending, not ready, of lower deletion cost, on a fuller node, ready for less time, with more
 * restarts, younger. `podsOnNode` counts the active pods of the same owner's replica sets by node.
 */
export const givingUpOrder =
  (podsOnNode: Readonly<Record<string, number>>, nowMs: number) =>
  (a: StoredPod, b: StoredPod): number => {
    const nodeOf = (pod: StoredPod): string => pod.spec?.nodeName ?? '';
    if (nodeOf(a) !== nodeOf(b) && (!nodeOf(a) || !nodeOf(b))) return nodeOf(a) ? 1 : -1;
    if (phaseRank(a) !== phaseRank(b)) return phaseRank(a) - phaseRank(b);
    const readyA = readySinceMs(a);
    const readyB = readySinceMs(b);
    if ((readyA === undefined) !== (readyB === undefined)) return readyA === undefined ? -1 : 1;
    if (deletionCost(a) !== deletionCost(b)) return deletionCost(a) - deletionCost(b);
    const crowdA = podsOnNode[nodeOf(a)] ?? 0;
    const crowdB = podsOnNode[nodeOf(b)] ?? 0;
    if (crowdA !== crowdB) return crowdB - crowdA;
    if (readyA !== undefined && readyB !== undefined && readyA !== readyB) {
      return ageRank(readyA, readyB, nowMs) || byUid(a, b);
    }
    const [regularA, sidecarA] = restarts(a);
    const [regularB, sidecarB] = restarts(b);
    if (regularA !== regularB) return regularB - regularA;
    if (sidecarA !== sidecarB) return sidecarB - sidecarA;
    const createdA = Date.parse(a.metadata.creationTimestamp ?? '') || 0;
    const createdB = Date.parse(b.metadata.creationTimestamp ?? '') || 0;
    // By uid in the end: all who look at the same pods give up the same ones.
    return ageRank(createdA, createdB, nowMs) || byUid(a, b);
  };
