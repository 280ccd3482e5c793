// This process under the names that Prometheus' client libraries use, and its version under Kubernetes' name.
// https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
import { readdirSync } from 'node:fs';
import type { Family } from '../core/api/prometheus.ts';

const one = (name: string, type: Family['type'], help: string, value: number | undefined): Family => ({
  name,
  type,
  help,
  samples: value === undefined ? [] : [{ value }],
});

/** undefined where there is no /proc. */
function openFiles(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

/** `version`: of Kubernetes, "v1.36.0". */
export function processMetrics(version: string): Family[] {
  const { user, system } = process.cpuUsage();
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  return [
    one('process_cpu_seconds_total', 'counter', 'CPU time used, in seconds.', (user + system) / 1e6),
    one('process_resident_memory_bytes', 'gauge', 'Resident memory in bytes.', process.memoryUsage.rss()),
    one('process_start_time_seconds', 'gauge', 'Start of the process since the epoch in seconds.', startedAt),
    one('process_open_fds', 'gauge', 'Open file descriptors.', openFiles()),
    {
      name: 'kubernetes_build_info',
      type: 'gauge',
      help: 'Version of Kubernetes that this process behaves as. Always 1.',
      samples: [{ labels: { git_version: version, major, minor }, value: 1 }],
    },
  ];
}

const startedAt = Math.round(Date.now() - process.uptime() * 1000) / 1000;
