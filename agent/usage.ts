// What the node, its pods and their containers use: counters are read when somebody asks, and rates come from what housekeeping
// kept some seconds before. Nobody polls.
import { uptime } from 'node:os';
import type { Pod } from '../core/api/types.gen.ts';
import { type CpuCount, CpuHistory } from '../core/kubelet/cpu-rate.ts';
import type { ObservedContainer, ObservedPod } from '../core/kubelet/model.ts';
import { qosClass } from '../core/kubelet/qos.ts';
import type { Cgroups } from './cgroups/cgroups.ts';
import { type MemoryUse, readCpu, readMachineCpu, readMachineMemory, readMemory } from './cgroups/usage.ts';

export interface UsageStats {
  /** Milliseconds since the epoch of the sample. */
  atMs: number;
  startedAtMs: number;
  cpuUsageCoreNanoSeconds: number;
  /** Until there is something to compare with: undefined. */
  rate: { nanoCores: number; windowMs: number } | undefined;
  memoryUsageBytes: number;
  memoryWorkingSetBytes: number;
  memoryRssBytes: number;
}

export interface ContainerUsage extends UsageStats {
  name: string;
}

export interface PodUsage {
  namespace: string;
  name: string;
  uid: string;
  /** All that is in the pod's cgroup, the sandbox too. Absent where there is no cgroup. */
  whole: UsageStats | undefined;
  /** Those that run. */
  containers: ContainerUsage[];
}

/** Of a pod, what its usage is read by. */
export interface UsagePod {
  uid: string;
  pod: Pod;
  observed: ObservedPod;
}

export interface UsageSource {
  node(pods: readonly UsagePod[]): UsageStats;
  pods(pods: readonly UsagePod[]): PodUsage[];
  /** A round of counts to compare later ones with. */
  keep(pods: readonly UsagePod[]): void;
}

/** The newest attempt of each container, if it runs. */
export function runningContainers({ containers }: ObservedPod): ObservedContainer[] {
  const newest = new Map<string, ObservedContainer>();
  for (const container of containers) if (!newest.has(container.name)) newest.set(container.name, container);
  return [...newest.values()].filter(({ state }) => state === 'running');
}

export const statsOf = (
  cpu: CpuCount,
  memory: MemoryUse,
  startedAtMs: number,
  rate: UsageStats['rate'],
): UsageStats => ({
  atMs: cpu.atMs,
  startedAtMs,
  cpuUsageCoreNanoSeconds: cpu.cpuNanoSeconds,
  rate,
  memoryUsageBytes: memory.usageBytes,
  memoryWorkingSetBytes: memory.workingSetBytes,
  memoryRssBytes: memory.rssBytes,
});

const nodeKey = 'node';

/** Of containers that really run. Nodes that share a machine each show the whole machine. */
export class CgroupUsage implements UsageSource {
  readonly #cgroups: Cgroups;
  readonly #now: () => number;
  readonly #history = new CpuHistory();

  constructor(cgroups: Cgroups, now: () => number) {
    this.#cgroups = cgroups;
    this.#now = now;
    this.keep([]);
  }

  node(): UsageStats {
    const cpu = readMachineCpu(this.#now());
    return statsOf(cpu, readMachineMemory(), cpu.atMs - uptime() * 1000, this.#history.rate(nodeKey, cpu));
  }

  pods(pods: readonly UsagePod[]): PodUsage[] {
    return pods.map((one) => {
      const { namespace = '', name = '' } = one.pod.metadata ?? {};
      const path = this.#path(one);
      const containers = runningContainers(one.observed).flatMap((container) => {
        const stats = this.#read(container.id, `${path}/${container.id}`, container.startedAt);
        return stats ? [{ name: container.name, ...stats }] : [];
      });
      const since = one.observed.sandboxes[0]?.createdAt;
      const whole = since === undefined ? undefined : this.#read(one.uid, path, since);
      return { namespace, name, uid: one.uid, whole, containers };
    });
  }

  keep(pods: readonly UsagePod[]): void {
    const now = this.#now();
    const counts = new Map([[nodeKey, readMachineCpu(now)]]);
    const note = (key: string, path: string): void => {
      const count = readCpu(this.#cgroups.tree, path, now);
      if (count) counts.set(key, count);
    };
    for (const one of pods) {
      const path = this.#path(one);
      const running = runningContainers(one.observed);
      if (running.length > 0) note(one.uid, path);
      for (const { id } of running) note(id, `${path}/${id}`);
    }
    this.#history.keep(counts);
  }

  #path({ uid, pod }: UsagePod): string {
    return this.#cgroups.podPath(uid, qosClass(pod));
  }

  #read(key: string, path: string, startedAtMs: number): UsageStats | undefined {
    const { tree } = this.#cgroups;
    const cpu = readCpu(tree, path, this.#now());
    const memory = readMemory(tree, path);
    return cpu && memory && statsOf(cpu, memory, startedAtMs, this.#history.rate(key, cpu, startedAtMs));
  }
}
