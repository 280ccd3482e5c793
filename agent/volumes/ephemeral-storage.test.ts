import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import { hasStorageLimits, storageOveruse } from './ephemeral-storage.ts';

const mebi = 1024 * 1024;
const container = (name: string, limit?: string) => ({
  name,
  image: 'i',
  ...(limit ? { resources: { limits: { 'ephemeral-storage': limit } } } : {}),
});
const podOf = (...containers: ReturnType<typeof container>[]): Pod => ({ spec: { containers } });
const usage = (containers: Record<string, number>, volumes = 0) => ({
  containers: new Map(Object.entries(containers)),
  volumes,
});

test('without a limit nothing is too much', () => {
  assert.equal(hasStorageLimits(podOf(container('a'))), false);
  assert.equal(storageOveruse(podOf(container('a')), usage({ a: 9_000 * mebi })), undefined);
});

test('the sum of a pod is held against the sum of its limits: layers, logs and volumes', () => {
  const pod = podOf(container('a', '1Mi'), container('b', '2Mi'), container('c'));
  assert.equal(hasStorageLimits(pod), true);
  assert.equal(storageOveruse(pod, usage({ a: mebi, b: mebi }, mebi)), undefined);
  assert.equal(
    storageOveruse(pod, usage({ a: mebi, b: mebi }, mebi + 1)),
    'Pod ephemeral local storage usage exceeds the total limit of containers 3Mi. ',
  );
});

test('a container is held to its own limit, also while the pod as a whole is within', () => {
  const pod = podOf(container('a', '1Mi'), container('b', '2Mi'));
  assert.equal(
    storageOveruse(pod, usage({ a: mebi + 1, b: 0 })),
    'Container a exceeded its local ephemeral storage limit "1Mi". ',
  );
});
