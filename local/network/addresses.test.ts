import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressPlan, choosePlan, firstPlan, nodeAddress, overlaps, planCount, podRange } from './addresses.ts';

test('ranges overlap when one holds the other, and not when they only touch', () => {
  assert.equal(overlaps('10.64.0.0/16', '10.64.17.0/24'), true);
  assert.equal(overlaps('10.0.0.0/8', '10.64.0.0/16'), true);
  assert.equal(overlaps('10.64.0.0/16', '10.65.0.0/16'), false);
  assert.equal(overlaps('10.64.0.1', '10.64.0.0/24'), true);
  assert.equal(overlaps('default', '10.64.0.0/16'), false);
});

test('a cluster takes the first plan that no route and no other cluster has', () => {
  assert.equal(choosePlan({ routes: ['192.0.2.0/24'], taken: [] }).cluster, '10.64.0.0/16');
  assert.equal(choosePlan({ routes: ['10.64.3.0/24'], taken: [] }).index, 1);
  assert.equal(choosePlan({ routes: ['10.129.0.0/24'], taken: [0] }).index, 2);
});

test('a search that begins in the middle goes round', () => {
  assert.equal(choosePlan({ routes: [], taken: [62, 63], from: 62 }).index, 0);
  assert.equal(firstPlan('slipway', 'slipway'), 0);
  assert.ok(firstPlan('other', 'slipway') < planCount);
});

test('a cluster keeps its plan, or says which route is in its way', () => {
  assert.equal(choosePlan({ routes: [], taken: [], own: 7 }).index, 7);
  assert.throws(
    () => choosePlan({ routes: ['10.71.0.0/16'], taken: [], own: 7 }),
    /route into the cluster's addresses \(10\.71\.0\.0\/16/,
  );
});

test('a machine that routes all of 10.0.0.0/8 has no plan left', () => {
  assert.throws(() => choosePlan({ routes: ['10.0.0.0/8'], taken: [] }), /every address range/);
});

test('no two plans share an address', () => {
  const ranges = Array.from({ length: planCount }, (_, i) => addressPlan(i)).flatMap((plan) => [
    plan.cluster,
    plan.services,
  ]);
  for (const [i, a] of ranges.entries())
    for (const b of ranges.slice(i + 1)) assert.equal(overlaps(a, b), false, `${a} and ${b}`);
});

test('nodes and their pods lie within the cluster range, apart from each other', () => {
  const plan = addressPlan(3);
  for (const number of [1, 2, 200]) {
    assert.equal(overlaps(nodeAddress(plan, number), plan.nodes), true);
    assert.equal(overlaps(podRange(plan, number), plan.cluster), true);
    assert.equal(overlaps(podRange(plan, number), plan.nodes), false);
  }
  assert.equal(podRange(plan, 200), '10.67.216.0/24');
});
