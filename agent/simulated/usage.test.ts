import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import { resourceMetrics, statsSummary, usageAnswer } from '../server/stats.ts';
import type { UsagePod } from '../usage.ts';
import { PretendedUsage } from './usage.ts';

const startedAt = 1_000_000;
const now = startedAt + 20_000;

const podOf = (name: string, annotations: Record<string, string>, states: string[]): UsagePod => ({
  uid: `uid-${name}`,
  pod: { metadata: { name, namespace: 'shop', annotations } } as Pod,
  observed: {
    sandboxes: [],
    containers: states.map((state, index) => ({ id: `${name}-${index}`, name: `c${index}`, state, startedAt })),
  } as unknown as UsagePod['observed'],
});

const pods = [
  podOf('busy', { 'slipway.dev/simulated-cpu': '250m', 'slipway.dev/simulated-memory': '64Mi' }, [
    'running',
    'running',
  ]),
  podOf('idle', {}, ['running']),
  podOf('odd', { 'slipway.dev/simulated-cpu': 'much', 'slipway.dev/simulated-memory': '-1' }, ['running']),
  podOf('over', { 'slipway.dev/simulated-cpu': '1' }, ['exited']),
];
const usage = new PretendedUsage(() => now);
const port = { nodeName: 'n', nodeUsage: () => usage.node(pods), podUsage: () => usage.pods(pods) };
const mebibyte = 2 ** 20;

test('a simulated container uses what its annotations say while it runs, and its node what all use', () => {
  const answer = usageAnswer(port);
  const seen = answer.pods.map(({ name, containers }) => [
    name,
    containers.map((container) => [container.name, container.cpuNanoCores, container.memoryWorkingSetBytes]),
  ]);
  const busy = [250_000_000, 64 * mebibyte];
  assert.deepEqual(seen, [
    [
      'busy',
      [
        ['c0', ...busy],
        ['c1', ...busy],
      ],
    ],
    ['idle', [['c0', 0, 0]]],
    ['odd', [['c0', 0, 0]]],
    ['over', []],
  ]);
  assert.equal(answer.node?.cpuNanoCores, 500_000_000);
  assert.equal(answer.node?.memoryWorkingSetBytes, 128 * mebibyte);
});

test('the same in kubelet’s forms', () => {
  const text = resourceMetrics(port);
  const labels = 'container="c0",namespace="shop",pod="busy"';
  assert.match(text, new RegExp(`^container_cpu_usage_seconds_total\\{${labels}\\} 5 ${now}$`, 'm'));
  assert.match(text, new RegExp(`^container_memory_working_set_bytes\\{${labels}\\} ${64 * mebibyte} ${now}$`, 'm'));
  assert.match(text, new RegExp(`^container_start_time_seconds\\{${labels}\\} 1000$`, 'm'));
  assert.match(text, /^pod_cpu_usage_seconds_total\{namespace="shop",pod="busy"\} 10 /m);
  assert.match(text, new RegExp(`^node_memory_working_set_bytes ${128 * mebibyte} ${now}$`, 'm'));
  assert.match(text, /^resource_scrape_error 0$/m);
  const summary = statsSummary(port) as { node: { cpu: object }; pods: { podRef: object; containers: object[] }[] };
  assert.deepEqual(summary.pods[0]?.podRef, { name: 'busy', namespace: 'shop', uid: 'uid-busy' });
  assert.equal(summary.pods[0]?.containers.length, 2);
  assert.deepEqual(summary.node.cpu, {
    time: '1970-01-01T00:17:00Z',
    usageNanoCores: 500_000_000,
    usageCoreNanoSeconds: 10e9,
  });
});
