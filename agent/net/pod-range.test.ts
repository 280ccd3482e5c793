import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podsPerWorker } from '../../aws/worker-capacity.ts';
import { gatewayOf, isWithin, podNetworkObjection, podRangeOf } from './pod-range.ts';

test('a worker finds its pod range from its own address', () => {
  assert.equal(podRangeOf('10.0.0.0'), '100.64.0.0/26');
  assert.equal(podRangeOf('10.0.0.1'), '100.64.0.64/26');
  assert.equal(podRangeOf('172.31.255.255'), '100.127.255.192/26');
  assert.equal(podRangeOf('10.0.1.23', '10.64.0.0/10'), '10.64.69.192/26');
  assert.equal(podsPerWorker, 61);
});

test('every address of a /16 has a range of its own', () => {
  const ranges = new Set<string>();
  for (let i = 0; i < 65536; i++) ranges.add(podRangeOf(`10.9.${i >> 8}.${i & 255}`));
  assert.equal(ranges.size, 65536);
});

test('the node is the first address of its range; an address lies within a block or not', () => {
  assert.equal(gatewayOf('100.64.69.192/26'), '100.64.69.193');
  assert.equal(isWithin('10.0.1.23', ['10.1.0.0/16', '10.0.0.0/20']), true);
  assert.equal(isWithin('10.0.16.23', ['10.1.0.0/16', '10.0.0.0/20']), false);
  assert.equal(isWithin('10.0.1.23', []), false);
});

test('what cannot be is said', () => {
  assert.equal(podNetworkObjection(['10.0.0.0/16']), undefined);
  assert.equal(podNetworkObjection(['10.0.0.0/20', '10.1.16.0/20']), undefined);
  assert.match(podNetworkObjection(['10.0.0.0/16', '10.1.0.0/16'])!, /10\.0\.0\.0\/16 and 10\.1\.0\.0\/16/);
  assert.match(podNetworkObjection(['10.0.0.0/16', '100.100.0.0/16'])!, /overlaps the VPC's block 100\.100\.0\.0\/16/);
  assert.throws(() => podRangeOf('10.0.0.1', '100.64.0.0/12'), /must be a \/10/);
  assert.throws(() => podRangeOf('here'), RangeError);
});
