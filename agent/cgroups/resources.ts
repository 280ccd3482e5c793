// Requests and limits of a pod as the kernel counts them.
import { quantityMilliValue, quantityValue } from '../../core/api/quantity.ts';
import type { Pod, ResourceRequirements } from '../../core/api/types.gen.ts';
import { isSidecar } from '../../core/kubelet/containers.ts';
import { isCriticalPod } from '../../core/kubelet/preemption.ts';
import type { QosClass } from '../../core/kubelet/qos.ts';
import { qosClass } from '../../core/kubelet/qos.ts';

export interface PodResources {
  qos: QosClass;
  cpuShares: number;
  /** Microseconds of 100 ms; undefined: no limit. */
  cpuQuota: number | undefined;
  memoryBytes: number | undefined;
  pids: number | undefined;
}

export const cpuPeriod = 100_000;
const minShares = 2;
const maxShares = 262_144;
const minQuota = 1000;

/** cpu.shares of so many milli-CPUs. */
export const sharesOf = (milli: number): number =>
  Math.min(Math.max(Math.floor((milli * 1024) / 1000), minShares), maxShares);
export const quotaOf = (milli: number): number => Math.max(Math.floor((milli * cpuPeriod) / 1000), minQuota);

const milli = (list: Record<string, unknown> | undefined): number | undefined =>
  list?.['cpu'] === undefined ? undefined : quantityMilliValue(String(list['cpu']));
const bytes = (list: Record<string, unknown> | undefined): number | undefined =>
  list?.['memory'] === undefined ? undefined : quantityValue(String(list['memory']));

type Amount = (resources: ResourceRequirements | undefined) => number | undefined;

/**
 * Apps and sidecars together, or the largest moment of initialisation, whichever is more. Undefined when a container
 * that counts says nothing (`strict`: limits), else what is unsaid counts as 0.
 */
function total(pod: Pod, amount: Amount, strict: boolean): number | undefined {
  const say = (resources: ResourceRequirements | undefined): number => amount(resources) ?? (strict ? Number.NaN : 0);
  let sidecars = 0;
  let peak = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    const own = say(container.resources);
    if (isSidecar(container)) sidecars += own;
    peak = Number.isNaN(own) ? own : Math.max(peak, isSidecar(container) ? sidecars : sidecars + own);
    if (Number.isNaN(peak)) return undefined;
  }
  const apps = (pod.spec?.containers ?? []).reduce((sum, c) => sum + say(c.resources), sidecars);
  if (Number.isNaN(apps)) return undefined;
  return Math.max(apps, peak);
}

/** Requests of the pod in milli-CPUs and bytes; pod-level resources go first (KEP-2837). */
export function podRequests(pod: Pod): { cpuMilli: number; memoryBytes: number } {
  const own = pod.spec?.resources;
  const overhead = pod.spec?.overhead;
  const request = (r: ResourceRequirements | undefined, read: typeof milli) => read(r?.requests) ?? read(r?.limits);
  return {
    cpuMilli: (request(own, milli) ?? total(pod, (r) => request(r, milli), false) ?? 0) + (milli(overhead) ?? 0),
    memoryBytes: (request(own, bytes) ?? total(pod, (r) => request(r, bytes), false) ?? 0) + (bytes(overhead) ?? 0),
  };
}

/** @param pidsLimit processes per pod, 0: no limit */
export function podResources(pod: Pod, pidsLimit: number): PodResources {
  const own = pod.spec?.resources;
  const qos = qosClass(pod);
  const cpuLimit = milli(own?.limits) ?? total(pod, (r) => milli(r?.limits), true);
  const memoryLimit = bytes(own?.limits) ?? total(pod, (r) => bytes(r?.limits), true);
  const overhead = pod.spec?.overhead;
  return {
    qos,
    cpuShares: qos === 'BestEffort' ? minShares : sharesOf(podRequests(pod).cpuMilli),
    cpuQuota: cpuLimit ? quotaOf(cpuLimit + (milli(overhead) ?? 0)) : undefined,
    memoryBytes: memoryLimit ? memoryLimit + (bytes(overhead) ?? 0) : undefined,
    pids: pidsLimit > 0 ? pidsLimit : undefined,
  };
}

/** Who the kernel kills first when memory ends: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior */
export function oomScoreAdj(pod: Pod, memoryRequest: number, capacityBytes: number): number {
  const qos = qosClass(pod);
  if (isCriticalPod(pod, false) || qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequest) / capacityBytes);
  return Math.min(Math.max(score, 3), 999);
}
