// What an agent counts about itself, under kubelet's names. https://kubernetes.io/docs/reference/instrumentation/metrics/
import { type Counter, exponentialBuckets, type Histogram, MetricRegistry } from '../core/api/prometheus.ts';
import { kubeletVersion } from './node-facts.ts';
import { processMetrics } from './process-metrics.ts';

/** Seconds. */
const startBounds = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600,
];
const operationBounds = exponentialBuckets(0.005, 2.5, 14);

/** RunPodSandbox -> run_podsandbox, ListImages -> list_images: as kubelet names its calls of the runtime. */
export const operationType = (method: string): string =>
  method
    .replace('PodSandbox', 'Podsandbox')
    .replace('ContainerResources', 'Container')
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`)
    .toLowerCase();

export class AgentMetrics {
  readonly registry = new MetricRegistry();
  readonly #operations: Counter;
  readonly #operationErrors: Counter;
  readonly #operationSeconds: Histogram;
  readonly #podStart: Histogram;

  constructor(nodeName: string) {
    const { registry } = this;
    registry.gauge('kubelet_node_name', "The node's name. Always 1.").add({ node: nodeName });
    this.#operations = registry.counter('kubelet_runtime_operations_total', 'Calls of the container runtime.');
    this.#operationErrors = registry.counter(
      'kubelet_runtime_operations_errors_total',
      'Calls of the container runtime that failed.',
    );
    this.#operationSeconds = registry.histogram(
      'kubelet_runtime_operations_duration_seconds',
      'Duration of calls of the container runtime.',
      operationBounds,
    );
    this.#podStart = registry.histogram(
      'kubelet_pod_start_duration_seconds',
      'From the first sight of a pod until it runs.',
      startBounds,
    );
    registry.read(() => processMetrics(kubeletVersion));
  }

  /** A call of the container runtime is over. `method`: as CRI names it. */
  operation(method: string, seconds: number, failed: boolean): void {
    const labels = { operation_type: operationType(method) };
    this.#operations.add(labels);
    if (failed) this.#operationErrors.add(labels);
    this.#operationSeconds.observe(labels, seconds);
  }

  podStarted(seconds: number): void {
    this.#podStart.observe({}, seconds);
  }
}
