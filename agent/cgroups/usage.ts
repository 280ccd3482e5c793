// What a cgroup and what the whole machine has used: counters of the kernel, read when somebody asks. Memory is counted as cAdvisor
// counts it: the working set is what is used without file pages that were not used lately.
// https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html, https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v1/memory.html
import { readFileSync } from 'node:fs';
import type { CpuCount } from '../../core/kubelet/cpu-rate.ts';
import type { CgroupTree } from './cgroups.ts';

export interface MemoryUse {
  usageBytes: number;
  workingSetBytes: number;
  /** Anonymous pages. */
  rssBytes: number;
}

/** /proc/stat counts in hundredths of a second. */
const tickNs = 10_000_000;

/** A number that follows a word at the beginning of a line ("inactive_file 4096"). */
const entry = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);

/** undefined for a cgroup that is gone. */
function readAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV') return undefined;
    throw error;
  }
}

const folderOf = (tree: CgroupTree, ...names: string[]): string | undefined =>
  tree.version === 2
    ? tree.controllers.get('')
    : names.map((name) => tree.controllers.get(name)).find((at) => at !== undefined);

/** undefined when the cgroup is gone or nobody counts. `path`: below the hierarchies' roots. */
export function readCpu(tree: CgroupTree, path: string, nowMs: number): CpuCount | undefined {
  const at = folderOf(tree, 'cpuacct', 'cpu,cpuacct');
  if (at === undefined) return undefined;
  const text = readAny(`${at}${path}/${tree.version === 2 ? 'cpu.stat' : 'cpuacct.usage'}`);
  if (text === undefined) return undefined;
  return { atMs: nowMs, cpuNanoSeconds: tree.version === 2 ? entry(text, 'usage_usec') * 1_000 : Number(text) };
}

/** undefined when the cgroup is gone or nobody counts. */
export function readMemory(tree: CgroupTree, path: string): MemoryUse | undefined {
  const at = folderOf(tree, 'memory');
  if (at === undefined) return undefined;
  const [total, inactive, anonymous] =
    tree.version === 2
      ? (['memory.current', 'inactive_file', 'anon'] as const)
      : (['memory.usage_in_bytes', 'total_inactive_file', 'total_rss'] as const);
  const usage = readAny(`${at}${path}/${total}`);
  const stat = readAny(`${at}${path}/memory.stat`);
  if (usage === undefined || stat === undefined) return undefined;
  const usageBytes = Number(usage);
  return {
    usageBytes,
    workingSetBytes: Math.max(usageBytes - entry(stat, inactive), 0),
    rssBytes: entry(stat, anonymous),
  };
}

/** The machine's, from the text of /proc/stat. Steal and guest time are not its own: what guests take is in user time already. */
export function machineCpu(stat: string, nowMs: number): CpuCount {
  const ticks = stat.split('\n', 1)[0]!.split(/\s+/).slice(1, 8).map(Number);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  const busy = ticks.reduce((sum, some) => sum + some, 0) - idle;
  return { atMs: nowMs, cpuNanoSeconds: busy * tickNs };
}

/** The machine's, from the text of /proc/meminfo, as cAdvisor reads the root of cgroup v2. */
export function machineMemory(meminfo: string): MemoryUse {
  const bytes = (name: string): number => entry(meminfo, name) * 1024;
  const usageBytes = bytes('MemTotal') - bytes('MemFree');
  return {
    usageBytes,
    workingSetBytes: Math.max(usageBytes - bytes('Inactive\\(file\\)'), 0),
    rssBytes: bytes('AnonPages'),
  };
}

export const readMachineCpu = (nowMs: number): CpuCount => machineCpu(readFileSync('/proc/stat', 'utf8'), nowMs);
export const readMachineMemory = (): MemoryUse => machineMemory(readFileSync('/proc/meminfo', 'utf8'));
