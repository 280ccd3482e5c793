// What simulated pods pretend to use: each running container what its pod's annotations say, and nothing without them. A simulated
// node uses what its pods do.
//   slipway.dev/simulated-cpu: 250m       on average since the container started
//   slipway.dev/simulated-memory: 64Mi

import { QuantityError, quantityValue, scaledValue } from '../../core/api/quantity.ts';
import type { Pod } from '../../core/api/types.gen.ts';
import {
  type PodUsage,
  runningContainers,
  statsOf,
  type UsagePod,
  type UsageSource,
  type UsageStats,
} from '../usage.ts';

const cpuKey = 'slipway.dev/simulated-cpu';
const memoryKey = 'slipway.dev/simulated-memory';
const nano = -9;

/** What is no quantity, or less than nothing, is nothing. */
function amount(pod: Pod, key: string, read: (text: string) => number): number {
  try {
    return Math.max(read(pod.metadata?.annotations?.[key] ?? '0'), 0);
  } catch (error) {
    if (error instanceof QuantityError) return 0;
    throw error;
  }
}

export class PretendedUsage implements UsageSource {
  readonly #now: () => number;
  readonly #startedAtMs: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAtMs = now();
  }

  node(pods: readonly UsagePod[]): UsageStats {
    return this.#sum(
      this.pods(pods).map(({ whole }) => whole),
      this.#startedAtMs,
    );
  }

  pods(pods: readonly UsagePod[]): PodUsage[] {
    return pods.map(({ uid, pod, observed }) => {
      const containers = runningContainers(observed).map(({ name, startedAt }) => ({
        name,
        ...this.#pretend(pod, startedAt),
      }));
      const since = Math.min(...containers.map(({ startedAtMs }) => startedAtMs));
      const { namespace = '', name = '' } = pod.metadata ?? {};
      const whole = containers.length > 0 ? this.#sum(containers, since) : undefined;
      return { namespace, name, uid, whole, containers };
    });
  }

  keep(): void {}

  #pretend(pod: Pod, startedAtMs: number): UsageStats {
    const nanoCores = amount(pod, cpuKey, (text) => Number(scaledValue(text, nano)));
    const bytes = amount(pod, memoryKey, quantityValue);
    const windowMs = Math.max(this.#now() - startedAtMs, 1);
    const cpu = { atMs: this.#now(), cpuNanoSeconds: Math.round(nanoCores * (windowMs / 1000)) };
    const memory = { usageBytes: bytes, workingSetBytes: bytes, rssBytes: bytes };
    return statsOf(cpu, memory, startedAtMs, { nanoCores, windowMs });
  }

  #sum(parts: readonly (UsageStats | undefined)[], startedAtMs: number): UsageStats {
    const total = (of: (stats: UsageStats) => number): number =>
      parts.reduce((sum, stats) => sum + (stats ? of(stats) : 0), 0);
    const now = this.#now();
    return {
      atMs: now,
      startedAtMs,
      cpuUsageCoreNanoSeconds: total((stats) => stats.cpuUsageCoreNanoSeconds),
      rate: { nanoCores: total((stats) => stats.rate?.nanoCores ?? 0), windowMs: Math.max(now - startedAtMs, 1) },
      memoryUsageBytes: total((stats) => stats.memoryUsageBytes),
      memoryWorkingSetBytes: total((stats) => stats.memoryWorkingSetBytes),
      memoryRssBytes: total((stats) => stats.memoryRssBytes),
    };
  }
}
