// What the scheduler counts, under kube-scheduler's names. https://kubernetes.io/docs/reference/instrumentation/metrics/
import { type Counter, exponentialBuckets, type Histogram, type MetricRegistry } from '../api/prometheus.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

/** Pods that wait, by the queue that they wait in. */
export interface PendingPods {
  active: number;
  backoff: number;
  unschedulable: number;
}

export class SchedulerMetrics {
  readonly #profile: string;
  readonly #attempts: Counter;
  readonly #seconds: Histogram;

  /** @param profile the scheduler's name */
  constructor(registry: MetricRegistry, profile: string, pending: () => PendingPods) {
    this.#profile = profile;
    this.#attempts = registry.counter(
      'scheduler_schedule_attempts_total',
      'Attempts to schedule pods, by their result.',
    );
    this.#seconds = registry.histogram(
      'scheduler_scheduling_attempt_duration_seconds',
      'Duration of an attempt: the decision and the binding.',
      exponentialBuckets(0.001, 2, 15),
    );
    registry.read(() => [
      {
        name: 'scheduler_pending_pods',
        type: 'gauge',
        help: 'Pods that wait: to be tried, for their next try, or for something that may help.',
        samples: Object.entries(pending()).map(([queue, value]) => ({ labels: { queue }, value })),
      },
    ]);
  }

  attempted(result: AttemptResult, seconds: number): void {
    const labels = { profile: this.#profile, result };
    this.#attempts.add(labels);
    this.#seconds.observe(labels, seconds);
  }
}
