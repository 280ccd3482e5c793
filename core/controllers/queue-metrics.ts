// What the controllers' queues count, under the names of Kubernetes' work queues.
// https://kubernetes.io/docs/reference/instrumentation/metrics/ (workqueue_*)
import { type Counter, exponentialBuckets, type Histogram, type MetricRegistry } from '../api/prometheus.ts';
import type { Clock } from '../ports.ts';
import type { QueueObserver } from './work-queue.ts';

/** Seconds. */
const bounds = exponentialBuckets(1e-8, 10, 10);

interface Times {
  waiting: Map<string, number>;
  working: Map<string, number>;
}

export class QueueMetrics {
  readonly #clock: Clock;
  readonly #adds: Counter;
  readonly #retries: Counter;
  readonly #waited: Histogram;
  readonly #worked: Histogram;
  readonly #queues = new Map<string, Times>();

  constructor(registry: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    this.#adds = registry.counter('workqueue_adds_total', 'Keys that were added to a queue.');
    this.#retries = registry.counter('workqueue_retries_total', 'Keys that were added again after a failure.');
    this.#waited = registry.histogram(
      'workqueue_queue_duration_seconds',
      'How long a key waited in its queue.',
      bounds,
    );
    this.#worked = registry.histogram('workqueue_work_duration_seconds', 'How long a key was worked on.', bounds);
    registry.read(() => {
      const gauge = (name: string, help: string, of: (times: Times) => number) => ({
        name,
        type: 'gauge' as const,
        help,
        samples: [...this.#queues].map(([queue, times]) => ({ labels: { name: queue }, value: of(times) })),
      });
      return [
        gauge('workqueue_depth', 'Keys that wait in a queue.', ({ waiting }) => waiting.size),
        gauge(
          'workqueue_unfinished_work_seconds',
          'For how long keys have been worked on that are not done, together.',
          (times) => this.#ages(times).reduce((sum, age) => sum + age, 0),
        ),
        gauge(
          'workqueue_longest_running_processor_seconds',
          'For how long the oldest of them has been worked on.',
          (times) => Math.max(0, ...this.#ages(times)),
        ),
      ];
    });
  }

  /** `name`: the controller's. */
  observer(name: string): QueueObserver {
    const labels = { name };
    const adds = this.#adds.of(labels);
    const retries = this.#retries.of(labels);
    const waited = this.#waited.of(labels);
    const worked = this.#worked.of(labels);
    const times: Times = { waiting: new Map(), working: new Map() };
    this.#queues.set(name, times);
    const now = (): number => this.#clock.now();
    const since = (startedMs: number | undefined): number => (now() - (startedMs ?? now())) / 1000;
    return {
      added(id) {
        adds.add();
        times.waiting.set(id, now());
      },
      taken(id) {
        waited.observe(since(times.waiting.get(id)));
        times.waiting.delete(id);
        times.working.set(id, now());
      },
      done(id) {
        worked.observe(since(times.working.get(id)));
        times.working.delete(id);
      },
      retried: () => retries.add(),
      cleared: () => times.waiting.clear(),
    };
  }

  #ages({ working }: Times): number[] {
    const now = this.#clock.now();
    return [...working.values()].map((startedMs) => (now - startedMs) / 1000);
  }
}
