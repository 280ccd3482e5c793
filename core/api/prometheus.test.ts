import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exponentialBuckets, MetricRegistry, prometheusText } from './prometheus.ts';

test('counters, gauges and histograms are written as Prometheus reads them', () => {
  const registry = new MetricRegistry();
  const requests = registry.counter('requests_total', 'Requests.');
  requests.add({ verb: 'GET', path: 'a"b\\c\nd' });
  requests.add({ verb: 'GET', path: 'a"b\\c\nd' }, 2);
  const open = registry.gauge('open', 'Open now.');
  open.of().add(3);
  open.add({}, -1);
  const seconds = registry.histogram('seconds', 'Durations.', [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe({ verb: 'GET' }, value);
  assert.equal(
    registry.text(),
    [
      '# HELP requests_total Requests.',
      '# TYPE requests_total counter',
      'requests_total{verb="GET",path="a\\"b\\\\c\\nd"} 3',
      '# HELP open Open now.',
      '# TYPE open gauge',
      'open 2',
      '# HELP seconds Durations.',
      '# TYPE seconds histogram',
      'seconds_bucket{verb="GET",le="0.1"} 2',
      'seconds_bucket{verb="GET",le="1"} 3',
      'seconds_bucket{verb="GET",le="+Inf"} 4',
      'seconds_sum{verb="GET"} 7.65',
      'seconds_count{verb="GET"} 4',
      '',
    ].join('\n'),
  );
});

test('what is read for each answer is new each time, and families without samples are left out', () => {
  const registry = new MetricRegistry();
  let depth = 1;
  registry.counter('never_total', 'Never counted.');
  registry.read(() => [{ name: 'depth', type: 'gauge', help: 'Depth.', samples: depth ? [{ value: depth }] : [] }]);
  assert.match(registry.text(), /^depth 1$/m);
  assert.doesNotMatch(registry.text(), /never/);
  depth = 0;
  assert.equal(registry.text(), '');
});

test('a sample may say when it was measured', () => {
  const family = { name: 'x', type: 'gauge', help: 'X.', samples: [{ value: 1, atMs: 1500.4 }] } as const;
  assert.match(prometheusText([family]), /^x 1 1500$/m);
});

test('bounds that grow by a factor are written without the dust of binary fractions', () => {
  assert.deepEqual(exponentialBuckets(0.001, 2, 4), [0.001, 0.002, 0.004, 0.008]);
  assert.deepEqual(exponentialBuckets(1e-8, 10, 3), [1e-8, 1e-7, 1e-6]);
});
