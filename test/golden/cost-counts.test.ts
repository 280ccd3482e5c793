// What a short day of a small cluster asks of AWS, request by request and unit by unit. Who changes what the control plane asks for
// sees it here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../golden-file.ts';
import { play } from '../../bench/cost/scenarios.ts';
import { SimulatedTime } from '../../bench/cost/time.ts';

const minuteMs = 60_000;
const model = {
  latencies: { read: 5, write: 7, transaction: 15, other: 25 },
  ringMs: 30,
  initMs: () => 0,
};

test('ten minutes of two nodes and a rollout ask for what they did', async () => {
  const time = new SimulatedTime(Date.UTC(2026, 11, 1));
  time.install();
  const scenario = { name: 'short', nodes: 2, deployments: 1, rolloutEveryMs: 10 * minuteMs };
  const day = await play(scenario, 10 * minuteMs, time, model);
  assert.equal(day.starts, 3);
  const counted: Record<string, Record<string, number>> = {};
  for (const { cause, service, operation, quantity, amount } of day.counts) {
    if (!['requests', 'readUnits', 'writeUnits'].includes(quantity)) continue;
    const of = (counted[cause] ??= {});
    of[`${service} ${operation} ${quantity}`] = amount;
  }
  assertGolden('cost/short-day', sorted(counted));
});

const sorted = <T>(counts: Record<string, T>): Record<string, T> =>
  Object.fromEntries(
    Object.entries(counts)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [
        name,
        typeof value === 'object' ? (sorted(value as Record<string, unknown>) as T) : value,
      ]),
  );
