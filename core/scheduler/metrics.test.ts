import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricRegistry } from '../api/prometheus.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { makePod } from './fixture/objects.ts';
import { SchedulerMetrics } from './metrics.ts';
import { podInfo } from './pod-info.ts';
import { SchedulingQueue } from './queue.ts';

test('attempts are counted by their result, and pods by what they wait for', () => {
  const { clock } = manualPorts();
  const queue = new SchedulingQueue(clock);
  const registry = new MetricRegistry();
  const metrics = new SchedulerMetrics(registry, 'default-scheduler', () => queue.pending());
  for (const name of ['a', 'b', 'c', 'd']) queue.set(makePod(name), podInfo);
  for (let taken = 0; taken < 3; taken++) queue.take();
  queue.failed('pod-a', new Set());
  queue.failed('pod-b', new Set(['NodeResourcesFit']));
  metrics.attempted('scheduled', 0.003);
  metrics.attempted('unschedulable', 0);
  metrics.attempted('scheduled', 0.5);
  const lines = registry.text().split('\n');
  const profile = 'profile="default-scheduler"';
  for (const line of [
    'scheduler_pending_pods{queue="active"} 2',
    'scheduler_pending_pods{queue="backoff"} 1',
    'scheduler_pending_pods{queue="unschedulable"} 1',
    `scheduler_schedule_attempts_total{${profile},result="scheduled"} 2`,
    `scheduler_schedule_attempts_total{${profile},result="unschedulable"} 1`,
    `scheduler_scheduling_attempt_duration_seconds_bucket{${profile},result="scheduled",le="0.004"} 1`,
    `scheduler_scheduling_attempt_duration_seconds_count{${profile},result="scheduled"} 2`,
  ])
    assert.ok(lines.includes(line), line);
});
