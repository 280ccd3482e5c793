// Files and values that a pod's limits are written as.
import type { PodResources } from './resources.ts';
import { cpuPeriod } from './resources.ts';

/** v1: by controller. */
export function v1Files(resources: PodResources): Record<string, Record<string, string>> {
  const { cpuShares, cpuQuota, memoryBytes, pids } = resources;
  return {
    cpu: {
      'cpu.shares': String(cpuShares),
      ...(cpuQuota !== undefined
        ? { 'cpu.cfs_period_us': String(cpuPeriod), 'cpu.cfs_quota_us': String(cpuQuota) }
        : {}),
    },
    memory: memoryBytes !== undefined ? { 'memory.limit_in_bytes': String(memoryBytes) } : {},
    pids: pids !== undefined ? { 'pids.max': String(pids) } : {},
  };
}

/** Where a share of the CPU is written, and the kernel's limits of it, by version. */
export const weights = {
  1: { controller: 'cpu', file: 'cpu.shares', least: 2, most: 262_144 },
  2: { controller: '', file: 'cpu.weight', least: 1, most: 10_000 },
} as const;

/** cpu.weight of cpu.shares, as runc and systemd convert: 2..262144 to 1..10000. */
export const weightOf = (shares: number): number => Math.floor(1 + ((shares - 2) * 9999) / 262_142);

export function v2Files(resources: PodResources): Record<string, string> {
  const { cpuShares, cpuQuota, memoryBytes, pids } = resources;
  return {
    'cpu.weight': String(weightOf(cpuShares)),
    'cpu.max': `${cpuQuota ?? 'max'} ${cpuPeriod}`,
    'memory.max': memoryBytes !== undefined ? String(memoryBytes) : 'max',
    'pids.max': pids !== undefined ? String(pids) : 'max',
  };
}
