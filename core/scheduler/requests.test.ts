// How much a pod asks for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, PodSpec } from '../api/types.gen.ts';
import { makePod } from './fixture/objects.ts';
import { podRequests } from './requests.ts';

const container = (cpu: string, more: Partial<Container> = {}): Container => ({
  name: 'c',
  image: 'app',
  resources: { requests: { cpu } },
  ...more,
});
const cpuOf = (spec: PodSpec): number => podRequests(makePod('p', { spec })).cpuMilli;

test('containers add up; an init container runs alone before them', () => {
  assert.equal(cpuOf({ containers: [container('1'), container('500m')] }), 1_500);
  assert.equal(cpuOf({ containers: [container('1')], initContainers: [container('3'), container('2')] }), 3_000);
});

test('a sidecar runs beside everything that starts after it', () => {
  const sidecar = container('1', { restartPolicy: 'Always' });
  assert.equal(cpuOf({ containers: [container('1')], initContainers: [sidecar] }), 2_000);
  assert.equal(cpuOf({ containers: [container('1')], initContainers: [sidecar, container('3')] }), 4_000);
  assert.equal(cpuOf({ containers: [container('1')], initContainers: [container('3'), sidecar] }), 3_000);
});

test('pod-level requests stand instead, and the overhead comes on top', () => {
  const spec = { containers: [container('1')], resources: { requests: { cpu: '3' } }, overhead: { cpu: '250m' } };
  assert.equal(cpuOf(spec), 3_250);
});

test('extended resources and huge pages are counted by name', () => {
  const requests = { 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi', 'ephemeral-storage': '1Gi' };
  const { scalars, ephemeralStorage } = podRequests(makePod('p', { requests }));
  assert.deepEqual(
    [...(scalars ?? [])],
    [
      ['example.com/gpu', 2],
      ['hugepages-2Mi', 4_194_304],
    ],
  );
  assert.equal(ephemeralStorage, 1_073_741_824);
});

test('what asks for nothing counts a little when nodes are compared', () => {
  const { cpuMilli, memory } = podRequests(makePod('p'), true);
  assert.deepEqual([cpuMilli, memory], [100, 209_715_200]);
});
