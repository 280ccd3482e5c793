// What the node and its pods use: in kubelet's forms (/stats/summary, /metrics/resource), and for metrics.k8s.io.
// https://kubernetes.io/docs/reference/instrumentation/node-metrics/
import type { Measured, NodeUsageAnswer } from '../../core/api/node-usage.ts';
import { type Family, type Labels, prometheusText, type Sample } from '../../core/api/prometheus.ts';
import { timestamp } from '../../core/ports.ts';
import type { ServerPort } from '../server-port.ts';
import type { UsageStats } from '../usage.ts';

type Usages = Pick<ServerPort, 'nodeName' | 'nodeUsage' | 'podUsage'>;

const cpuAndMemory = (usage: UsageStats) => ({
  cpu: {
    time: timestamp(usage.atMs),
    ...(usage.rate ? { usageNanoCores: usage.rate.nanoCores } : {}),
    usageCoreNanoSeconds: usage.cpuUsageCoreNanoSeconds,
  },
  memory: {
    time: timestamp(usage.atMs),
    usageBytes: usage.memoryUsageBytes,
    workingSetBytes: usage.memoryWorkingSetBytes,
    rssBytes: usage.memoryRssBytes,
  },
});

const statsOf = (usage: UsageStats) => ({ startTime: timestamp(usage.startedAtMs), ...cpuAndMemory(usage) });

export function statsSummary(port: Usages): object {
  return {
    node: { nodeName: port.nodeName, ...statsOf(port.nodeUsage()) },
    pods: port.podUsage().map(({ name, namespace, uid, whole, containers }) => ({
      podRef: { name, namespace, uid },
      ...(whole ? statsOf(whole) : {}),
      containers: containers.map((container) => ({ name: container.name, ...statsOf(container) })),
    })),
  };
}

const measured = (usage: UsageStats): Measured | undefined =>
  usage.rate && {
    atMs: usage.atMs,
    windowMs: usage.rate.windowMs,
    cpuNanoCores: usage.rate.nanoCores,
    memoryWorkingSetBytes: usage.memoryWorkingSetBytes,
  };

export function usageAnswer(port: Usages): NodeUsageAnswer {
  const node = measured(port.nodeUsage());
  return {
    ...(node ? { node } : {}),
    pods: port.podUsage().map(({ namespace, name, uid, containers }) => ({
      namespace,
      name,
      uid,
      containers: containers.flatMap((container) => {
        const found = measured(container);
        return found ? [{ name: container.name, ...found }] : [];
      }),
    })),
  };
}

interface Labelled {
  labels?: Labels;
  usage: UsageStats;
}

const cpu = ({ labels, usage }: Labelled): Sample => ({
  ...(labels ? { labels } : {}),
  value: usage.cpuUsageCoreNanoSeconds / 1e9,
  atMs: usage.atMs,
});
const memory = ({ labels, usage }: Labelled): Sample => ({
  ...(labels ? { labels } : {}),
  value: usage.memoryWorkingSetBytes,
  atMs: usage.atMs,
});

/** Prometheus text. */
export function resourceMetrics(port: Usages): string {
  const pods = port.podUsage();
  const node = [{ usage: port.nodeUsage() }];
  const whole = pods.flatMap(({ namespace, name, whole: usage }) =>
    usage ? [{ usage, labels: { namespace, pod: name } }] : [],
  );
  const containers = pods.flatMap((pod) =>
    pod.containers.map((usage) => ({
      usage,
      labels: { container: usage.name, namespace: pod.namespace, pod: pod.name },
    })),
  );
  const of = (name: string, type: Family['type'], help: string, samples: Sample[]): Family => ({
    name,
    type,
    help,
    samples,
  });
  return prometheusText([
    of('node_cpu_usage_seconds_total', 'counter', 'CPU time that the node has used, in core-seconds', node.map(cpu)),
    of('node_memory_working_set_bytes', 'gauge', 'Working set of the node in bytes', node.map(memory)),
    of(
      'container_cpu_usage_seconds_total',
      'counter',
      'CPU time that the container has used, in core-seconds',
      containers.map(cpu),
    ),
    of('container_memory_working_set_bytes', 'gauge', 'Working set of the container in bytes', containers.map(memory)),
    of(
      'container_start_time_seconds',
      'gauge',
      'When the container started, in seconds since the epoch',
      containers.map(({ labels, usage }) => ({ labels, value: usage.startedAtMs / 1000 })),
    ),
    of('pod_cpu_usage_seconds_total', 'counter', 'CPU time that the pod has used, in core-seconds', whole.map(cpu)),
    of('pod_memory_working_set_bytes', 'gauge', 'Working set of the pod in bytes', whole.map(memory)),
    // What cannot be read is an error of the whole answer: there is no text then.
    of('resource_scrape_error', 'gauge', '1 if there was an error while getting these metrics, 0 otherwise', [
      { value: 0 },
    ]),
  ]);
}
