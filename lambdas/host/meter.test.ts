// The meter of a function: a line of counts for each invocation when it is asked for, and the bare handler when it is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Count } from '../../aws/cost/meter.ts';
import { environment } from '../../aws/names.ts';
import { metered } from './meter.ts';

const handler = async (event: number): Promise<number> => {
  if (event < 0) throw new Error('no');
  return event + 1;
};

test('without the variable it is the same function', () => {
  assert.equal(metered('api', handler, { env: {} }), handler);
});

test('with it each invocation tells its counts, also one that fails', async () => {
  const lines: Count[][] = [];
  let nowMs = 0;
  const counted = metered('api', handler, {
    env: { [environment.meter]: 'on' },
    log: (_level, _event, fields) => void lines.push(fields?.['counts'] as Count[]),
    now: () => (nowMs += 1.5),
    front: 'api-gateway',
  });
  assert.equal(await counted(1), 2);
  await assert.rejects(counted(-1), /no/);
  const one = [
    { cause: 'api', service: 'lambda', operation: 'api', quantity: 'requests', amount: 1 },
    { cause: 'api', service: 'lambda', operation: 'api', quantity: 'ms', amount: 2 },
    { cause: 'api', service: 'api-gateway', operation: 'request', quantity: 'requests', amount: 1 },
  ];
  assert.deepEqual(lines, [one, one]);
});
