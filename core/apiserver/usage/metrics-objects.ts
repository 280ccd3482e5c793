// NodeMetrics and PodMetrics of what a node answered, as metrics-server makes them.

import type { NodeUsageAnswer, Used } from '../../api/node-usage.ts';
import type { KubeObject } from '../../api/objects.ts';
import { mirrorPodAnnotation } from '../../api/pod-references.ts';
import { formatQuantity, quantityFromValue } from '../../api/quantity.ts';
import { timestamp } from '../../ports.ts';

const usageOf = ({ cpuNanoCores, memoryWorkingSetBytes }: Used): Record<string, string> => ({
  cpu: formatQuantity({ value: BigInt(Math.round(cpuNanoCores)), scale: -9, format: 'DecimalSI' }),
  memory: formatQuantity(quantityFromValue(Math.round(memoryWorkingSetBytes), 'BinarySI')),
});

/** As Go prints a time.Duration of milliseconds: "950ms", "12.5s", "1h2m3s". */
export function goDuration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}h${minutes % 60}m${seconds}` : `${minutes}m${seconds}`;
}

const metadataOf = ({ metadata: { name, namespace, labels } }: KubeObject, nowMs: number): KubeObject['metadata'] => ({
  ...(name ? { name } : {}),
  ...(namespace ? { namespace } : {}),
  creationTimestamp: timestamp(nowMs),
  ...(labels ? { labels } : {}),
});

const windowOf = ({ atMs, windowMs }: { atMs: number; windowMs: number }) => ({
  timestamp: timestamp(atMs),
  window: goDuration(Math.round(windowMs)),
});

/** undefined while the node has no rate yet. */
export function nodeMetrics(node: KubeObject, answer: NodeUsageAnswer, nowMs: number): KubeObject | undefined {
  const { node: measured } = answer;
  return (
    measured &&
    ({ metadata: metadataOf(node, nowMs), ...windowOf(measured), usage: usageOf(measured) } as unknown as KubeObject)
  );
}

/** undefined for a pod of which the node knows nothing, or nothing yet. */
export function podMetrics(pod: KubeObject, answer: NodeUsageAnswer, nowMs: number): KubeObject | undefined {
  // The node knows a static pod by the uid that its mirror tells.
  const known = pod.metadata.annotations?.[mirrorPodAnnotation] ?? pod.metadata.uid;
  const containers = answer.pods.find(({ uid }) => uid === known)?.containers ?? [];
  if (containers.length === 0) return undefined;
  const earliest = containers.reduce((first, container) => (container.atMs < first.atMs ? container : first));
  return {
    metadata: metadataOf(pod, nowMs),
    ...windowOf(earliest),
    containers: containers.map((container) => ({ name: container.name, usage: usageOf(container) })),
  } as unknown as KubeObject;
}
