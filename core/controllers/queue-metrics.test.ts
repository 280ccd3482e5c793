import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../api/prometheus.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { QueueMetrics } from './queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';

test('a queue tells how much waits, what came, how long it waited and how long it took', () => {
  const { clock, pass } = manualPorts();
  const registry = new MetricRegistry();
  const metrics = new QueueMetrics(registry, clock);
  const queue = new WorkQueue<string>(clock, (key) => key, metrics.observer('job'));
  const says = (line: string): void =>
    assert.ok(registry.text().split('\n').includes(line), `${line}\nis not in\n${registry.text()}`);
  queue.add('a');
  queue.add('a');
  queue.add('b');
  says('workqueue_depth{name="job"} 2');
  says('workqueue_adds_total{name="job"} 2');
  pass(2_000);
  queue.take();
  pass(500);
  queue.take();
  pass(1_000);
  says('workqueue_depth{name="job"} 0');
  says('workqueue_unfinished_work_seconds{name="job"} 2.5');
  says('workqueue_longest_running_processor_seconds{name="job"} 1.5');
  says('workqueue_queue_duration_seconds_sum{name="job"} 4.5');
  queue.addFailed('a');
  queue.done('a');
  queue.done('b');
  says('workqueue_retries_total{name="job"} 1');
  says('workqueue_work_duration_seconds_sum{name="job"} 2.5');
  says('workqueue_longest_running_processor_seconds{name="job"} 0');
  queue.add('c');
  queue.clear();
  says('workqueue_depth{name="job"} 0');
});
