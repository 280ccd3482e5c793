import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DeadContainerPolicy, type PodRemains, removals } from './container-gc.ts';
import type { ObservedContainer, ObservedSandbox } from './model.ts';
import { podOf, World } from './world.ts';

const usual: DeadContainerPolicy = { maximumPerContainer: 1, maximum: -1, minimumAgeMs: 0 };
const now = 1_000_000;

/** `web-3`: the container web, made at that time. */
const container = (id: string, state: ObservedContainer['state'], sandboxId = 's0'): ObservedContainer => ({
  id,
  name: id.replace(/-\d+$/, ''),
  sandboxId,
  attempt: 0,
  state,
  createdAt: Number(id.split('-').at(-1)),
  startedAt: 0,
  finishedAt: 0,
  exitCode: 0,
  reason: '',
  message: '',
  image: '',
  imageId: '',
  requestedImage: '',
});
const sandbox = (id: string, ready: boolean): ObservedSandbox => ({ id, attempt: 0, ready, createdAt: 0, ips: [] });

const pod = (uid: string, over: boolean, containers: ObservedContainer[], sandboxes = [sandbox('s0', !over)]) =>
  ({
    uid,
    over,
    observed: { sandboxes, containers: containers.sort((a, b) => b.createdAt - a.createdAt) },
  }) satisfies PodRemains;

const gone = (pods: PodRemains[], policy: Partial<DeadContainerPolicy> = {}): string[] =>
  removals(pods, { ...usual, ...policy }, now).flatMap(({ containers, sandboxes }) => [...containers, ...sandboxes]);

test('one dead container of each name stays, the newest', () => {
  const web = [container('web-1', 'exited'), container('web-2', 'exited'), container('web-3', 'running')];
  const side = [container('side-1', 'exited')];
  assert.deepEqual(gone([pod('a', false, [...web, ...side])]), ['web-1']);
});

test('what runs, and what has not begun, is never taken', () => {
  const all = [container('web-1', 'running'), container('web-2', 'created'), container('web-3', 'unknown')];
  assert.deepEqual(gone([pod('a', false, all)], { maximumPerContainer: 0, maximum: 0 }), []);
});

test('young ones stay for the minimum age', () => {
  const young = [container(`web-${now - 10}`, 'exited'), container(`web-${now - 5}`, 'exited')];
  assert.deepEqual(gone([pod('a', false, young)], { minimumAgeMs: 60_000 }), []);
});

test('the last of a container that its pod may start again stays whatever the limits are; that of a pod that is over goes', () => {
  const done = (name: string) => [container(`${name}-1`, 'exited'), container(`${name}-2`, 'exited')];
  const pods = [pod('lives', false, done('job')), pod('over', true, done('old'))];
  assert.deepEqual(gone(pods, { maximumPerContainer: 0 }), ['job-1', 'old-2', 'old-1']);
});

test('over the limit of the node as many of each go as it allows, then the oldest of all', () => {
  const three = (name: string, from: number) => [0, 1, 2].map((i) => container(`${name}-${from + i * 10}`, 'exited'));
  const pods = () => [pod('a', true, three('a', 1)), pod('b', true, three('b', 2)), pod('c', true, three('c', 3))];
  const limit = (maximum: number) => gone(pods(), { maximumPerContainer: 3, maximum });
  assert.deepEqual(limit(9), []);
  assert.deepEqual(limit(6), ['a-1', 'b-2', 'c-3']);
  assert.deepEqual(limit(2).sort(), ['a-1', 'a-11', 'a-21', 'b-12', 'b-2', 'c-13', 'c-3']);
  assert.equal(limit(0).length, 9);
});

test('ended sandboxes without containers go, but for the last of a pod', () => {
  const sandboxes = [sandbox('s3', false), sandbox('s2', false), sandbox('s1', false), sandbox('s0', true)];
  const one = pod('a', false, [container('web-1', 'exited', 's2')], sandboxes);
  assert.deepEqual(gone([one]), ['s1']);
  const two = pod('a', false, [container('web-1', 'exited', 's2'), container('web-2', 'exited', 's3')], sandboxes);
  assert.deepEqual(gone([two]), ['web-1', 's2', 's1']);
});

test('a pod that is over keeps its status when its containers are gone', () => {
  const world = new World(podOf({ restartPolicy: 'Never' }));
  world.settle();
  world.exit('app', 3);
  world.settle();
  const before = world.status.containerStatuses?.[0]?.state;
  assert.equal(world.status.phase, 'Failed');
  world.pod = { ...world.pod, status: world.status };
  world.observed = { ...world.observed, containers: [] };
  world.settle();
  assert.deepEqual([world.status.phase, world.status.containerStatuses?.[0]?.state], ['Failed', before]);
  assert.equal(world.observed.containers.length, 0);
});
