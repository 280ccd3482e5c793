// What the node and its pods use, in kubelet's forms: /stats/summary and /metrics/resource.
// https://kubernetes.io/docs/reference/instrumentation/node-metrics/
import type { NodeUsage, PodUsage, ServerPort, UsageStats } from '../server-port.ts';

const timeOf = (usage: UsageStats): string => `${new Date(usage.timestampNs / 1e6).toISOString().slice(0, 19)}Z`;

const cpuAndMemory = (usage: UsageStats) => ({
  cpu: {
    time: timeOf(usage),
    usageCoreNanoSeconds: usage.cpuUsageCoreNanoSeconds,
    ...(usage.cpuUsageNanoCores === undefined ? {} : { usageNanoCores: Math.round(usage.cpuUsageNanoCores) }),
  },
  memory: {
    time: timeOf(usage),
    usageBytes: usage.memoryUsageBytes,
    workingSetBytes: usage.memoryWorkingSetBytes,
    rssBytes: usage.memoryRssBytes,
  },
});

export async function statsSummary(port: ServerPort): Promise<object> {
  const [node, pods] = await Promise.all([port.nodeUsage(), port.podUsage()]);
  return {
    node: {
      nodeName: port.nodeName,
      startTime: `${new Date(node.startedAtMs).toISOString().slice(0, 19)}Z`,
      ...cpuAndMemory(node),
    },
    pods: pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      containers: pod.containers.map((container) => ({ name: container.name, ...cpuAndMemory(container) })),
    })),
  };
}

const seconds = (usage: UsageStats): string => (usage.cpuUsageCoreNanoSeconds / 1e9).toFixed(6);
const milliseconds = (usage: UsageStats): number => Math.round(usage.timestampNs / 1e6);

function metric(name: string, kind: 'counter' | 'gauge', help: string, samples: string[]): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples.map((sample) => `${name}${sample}`)];
}

/** Prometheus text. */
export function resourceMetrics(node: NodeUsage, pods: readonly PodUsage[]): string {
  const containers = pods.flatMap((pod) =>
    pod.containers.map((usage) => ({
      usage,
      labels: `{container="${usage.name}",namespace="${pod.namespace}",pod="${pod.name}"}`,
    })),
  );
  return [
    ...metric('node_cpu_usage_seconds_total', 'counter', 'CPU time that the node has used, in core-seconds', [
      ` ${seconds(node)} ${milliseconds(node)}`,
    ]),
    ...metric('node_memory_working_set_bytes', 'gauge', 'Working set of the node in bytes', [
      ` ${node.memoryWorkingSetBytes} ${milliseconds(node)}`,
    ]),
    ...metric(
      'container_cpu_usage_seconds_total',
      'counter',
      'CPU time that the container has used, in core-seconds',
      containers.map(({ usage, labels }) => `${labels} ${seconds(usage)} ${milliseconds(usage)}`),
    ),
    ...metric(
      'container_memory_working_set_bytes',
      'gauge',
      'Working set of the container in bytes',
      containers.map(({ usage, labels }) => `${labels} ${usage.memoryWorkingSetBytes} ${milliseconds(usage)}`),
    ),
    '',
  ].join('\n');
}

/** The agent about itself, under kubelet's names where there are some. Prometheus text. */
export function agentMetrics(port: ServerPort): string {
  const pods = port.pods();
  const containers = pods.flatMap((pod) => pod.containers);
  const { user, system } = process.cpuUsage();
  const sample = (value: number): string[] => [` ${value}`];
  return [
    ...metric(
      'kubelet_running_pods',
      'gauge',
      'Pods that have a sandbox',
      sample(pods.filter((pod) => pod.sandboxId).length),
    ),
    ...metric(
      'kubelet_running_containers',
      'gauge',
      'Containers that run',
      sample(containers.filter((one) => one.running).length),
    ),
    ...metric(
      'process_cpu_seconds_total',
      'counter',
      'CPU time that the agent has used, in seconds',
      sample((user + system) / 1e6),
    ),
    ...metric(
      'process_resident_memory_bytes',
      'gauge',
      'Resident memory of the agent in bytes',
      sample(process.memoryUsage.rss()),
    ),
    '',
  ].join('\n');
}
