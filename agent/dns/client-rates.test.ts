import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientRates } from './client-rates.ts';

test('a client that asks too often is not heard until it pauses; the others are, and it is told once', () => {
  let now = 0;
  const told: string[] = [];
  const rates = new ClientRates(
    { perSecond: 10, burst: 3 },
    () => now,
    (client) => void told.push(client),
  );
  const asks = (client: string, times: number): number =>
    Array.from({ length: times }, () => rates.take(client)).filter(Boolean).length;
  assert.equal(asks('a', 10), 3);
  assert.equal(asks('b', 2), 2);
  assert.deepEqual(told, ['a']);
  now = 100;
  assert.equal(asks('a', 10), 1, 'a tenth of a second gives one');
  now = 60_000;
  assert.equal(asks('a', 10), 3, 'a pause gives no more than the burst');
  assert.deepEqual(told, ['a']);
  now = 700_000;
  asks('a', 10);
  assert.deepEqual(told, ['a', 'a'], 'after ten minutes it is told again');
});

test('addresses that somebody makes up take no memory for ever', () => {
  let now = 0;
  const rates = new ClientRates(
    { perSecond: 1, burst: 2 },
    () => now,
    () => undefined,
  );
  rates.take('patient');
  rates.take('patient');
  assert.equal(rates.take('patient'), false);
  now = 1500;
  for (let i = 0; i < 4095; i++) rates.take(`made-up-${i}`);
  now = 2200;
  rates.take('one more'); // the bucket of the patient one is full by now
  assert.equal(rates.take('patient'), true);
});
