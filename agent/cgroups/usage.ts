// What the whole machine uses, from /proc.
import { readFileSync } from 'node:fs';
import { availableParallelism, uptime } from 'node:os';
import type { NodeUsage } from '../server-port.ts';

/** /proc/stat counts in hundredths of a second. */
const tickNs = 10_000_000;

let last: { at: number; busy: number } | undefined;

const kib = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;

export function readNodeUsage(): NodeUsage {
  const now = Date.now();
  const cpu = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/).slice(1, 9).map(Number);
  const idle = (cpu[3] ?? 0) + (cpu[4] ?? 0);
  const busy = (cpu.reduce((sum, ticks) => sum + ticks, 0) - idle) * tickNs;
  const memory = readFileSync('/proc/meminfo', 'utf8');
  const total = kib(memory, 'MemTotal');
  const nanoCores =
    last && now > last.at
      ? Math.min(((busy - last.busy) / (now - last.at)) * 1000, availableParallelism() * 1e9)
      : undefined;
  last = { at: now, busy };
  return {
    timestampNs: now * 1e6,
    startedAtMs: now - uptime() * 1000,
    cpuUsageCoreNanoSeconds: busy,
    ...(nanoCores !== undefined ? { cpuUsageNanoCores: Math.round(nanoCores) } : {}),
    memoryUsageBytes: total - kib(memory, 'MemFree'),
    memoryWorkingSetBytes: total - kib(memory, 'MemAvailable'),
    memoryRssBytes: kib(memory, 'AnonPages'),
  };
}
