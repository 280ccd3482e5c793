// Where things stand never changes: what is stored elsewhere is not found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  changePartition,
  counterKey,
  fitsKey,
  indexPartition,
  lastOfSegment,
  partitionsOf,
  partKey,
  resourceOfPartition,
  segmentOf,
  slotKey,
} from './keys.ts';

test('places are what they were', () => {
  assert.deepEqual(slotKey('deployments.apps', { namespace: 'a', name: 'b' }), { pk: 'deployments.apps', sk: 'a/b' });
  assert.deepEqual(slotKey('nodes', { namespace: '', name: 'n' }), { pk: 'nodes', sk: '/n' });
  assert.deepEqual(
    ['web-0', 'web-1', 'web-2', 'web-3', 'web-4'].map((name) => slotKey('pods', { namespace: 'default', name }).pk),
    ['pods#2', 'pods#1', 'pods#0', 'pods#3', 'pods#2'],
  );
  assert.deepEqual(counterKey('pods'), { pk: '#counters', sk: 'pods' });
  assert.deepEqual(partKey('secrets', 'a/b', 7, 1), { pk: 'secrets#parts', sk: 'a/b#7#1' });
  assert.equal(indexPartition('pods', { name: 'node', value: 'n' }), 'pods#node#n');
  assert.equal(changePartition('pods', segmentOf(130)), 'pods#2');
  assert.deepEqual([segmentOf(63), segmentOf(64), lastOfSegment(1)], [0, 1, 127]);
  assert.equal(resourceOfPartition('widgets.example.com#12'), 'widgets.example.com');
});

test('an object is in one of its partitions, and names spread over all of them', () => {
  const partitions = partitionsOf('pods');
  const counts = new Map(partitions.map((pk) => [pk, 0]));
  for (let i = 0; i < 1_000; i++) {
    const { pk } = slotKey('pods', { namespace: 'default', name: `web-7b9c6d5f48-${i.toString(36)}` });
    counts.set(pk, counts.get(pk)! + 1);
  }
  assert.deepEqual([...counts.keys()], partitions);
  assert.ok(
    [...counts.values()].every((count) => count > 150),
    JSON.stringify([...counts]),
  );
});

test('a name may be as long as a sort key, with room for its parts', () => {
  assert.ok(fitsKey({ namespace: 'n'.repeat(63), name: 'x'.repeat(253) }));
  assert.ok(!fitsKey({ namespace: '', name: 'x'.repeat(1_010) }));
  assert.ok(!fitsKey({ namespace: '', name: 'é'.repeat(510) }));
});
