import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../test/golden-file.ts';
import type { PodStatus } from '../api/types.gen.ts';
import { forgetImages } from './failures.ts';
import { emptyMemory } from './model.ts';
import { sync } from './sync.ts';
import { container, podOf, World } from './world.ts';

const golden = (name: string, world: World): void => assertGolden(`kubelet/${name}`, world.story);

test('a pod runs, and is stopped within its grace when it is deleted', () => {
  const world = new World(podOf({}));
  world.pass(5);
  assert.equal(world.status.phase, 'Running');
  assert.equal(world.status.podIP, '10.1.0.2');
  world.delete(30);
  world.pass(1);
  golden('runs-and-is-deleted', world);
});

test('the whole status of a running pod', () => {
  const world = new World(podOf({ initContainers: [container('setup')] }));
  world.pass(1);
  world.exit('setup', 0);
  world.pass(1);
  assertGolden('kubelet/status', world.status);
});

test('init containers run one after the other, sidecars stay, and stop last and in reverse', () => {
  const sidecar = { restartPolicy: 'Always' };
  const world = new World(
    podOf({
      initContainers: [
        container('first'),
        container('proxy', sidecar),
        container('second'),
        container('logger', sidecar),
      ],
    }),
  );
  world.pass(1);
  world.exit('first', 0);
  world.pass(1);
  world.exit('second', 0);
  world.pass(1);
  world.exit('proxy', 1);
  world.pass(1);
  world.delete(30);
  world.pass(1);
  golden('init-and-sidecars', world);
});

test('a sidecar with a startup probe holds up what comes after it', () => {
  const startupProbe = { tcpSocket: { port: 80 } };
  const world = new World(podOf({ initContainers: [container('proxy', { restartPolicy: 'Always', startupProbe })] }));
  world.pass(10);
  assert.equal(world.status.phase, 'Pending');
  world.probe('proxy', { startup: true });
  world.pass(1);
  golden('sidecar-startup', world);
});

test('a container that crashes is restarted after 10 s, 20 s, 40 s and so on to 5 min, and 10 quiet minutes forget it', () => {
  const world = new World(podOf({}));
  for (let crash = 0; crash < 8; crash++) {
    world.pass(1);
    world.exit('app', 1);
    world.pass(300);
  }
  world.pass(700);
  world.exit('app', 1);
  world.pass(1);
  world.exit('app', 1);
  world.pass(11);
  golden('crash-loop', world);
});

test('a job is over when its container succeeds, and is restarted in its pod when it fails', () => {
  const world = new World(podOf({ restartPolicy: 'OnFailure' }));
  world.pass(1);
  world.exit('app', 2);
  world.pass(1);
  world.exit('app', 0);
  world.pass(1);
  assert.equal(world.status.phase, 'Succeeded');
  golden('on-failure', world);
});

test('a failed container of a pod that never restarts ends the pod as Failed when the others are done', () => {
  const world = new World(podOf({ restartPolicy: 'Never', containers: [container('app'), container('other')] }));
  world.pass(1);
  world.exit('app', 3);
  world.pass(1);
  assert.equal(world.status.phase, 'Running');
  world.exit('other', 0);
  world.pass(1);
  assert.equal(world.status.phase, 'Failed');
  golden('never-restart', world);
});

test('restart rules of a container go before its policy and the policy of its pod', () => {
  const rules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }];
  const world = new World(
    podOf({
      restartPolicy: 'Never',
      containers: [container('app', { restartPolicy: 'Never', restartPolicyRules: rules })],
    }),
  );
  world.pass(1);
  world.exit('app', 42);
  world.pass(1);
  assert.equal(world.status.containerStatuses?.[0]?.restartCount, 1);
  world.exit('app', 41);
  world.pass(1);
  assert.equal(world.status.phase, 'Failed');
});

test('an image that cannot be had: ErrImagePull, then ImagePullBackOff with growing delays, then it is there', () => {
  const world = new World(podOf({}));
  world.failures.set('app', { failure: 'ErrImagePull', message: 'no such host' });
  world.pass(60);
  world.failures.clear();
  world.pass(60);
  golden('image-pull', world);
});

test('a missing config map is told, and the container starts once it is there', () => {
  const world = new World(podOf({}));
  world.failures.set('app', { failure: 'CreateContainerConfigError', message: 'configmap "c" not found' });
  world.pass(4);
  world.failures.clear();
  world.pass(60);
  golden('config-error', world);
});

test('a pod past its deadline is stopped and Failed', () => {
  const world = new World(podOf({ activeDeadlineSeconds: 20 }));
  world.pass(30);
  assert.equal(world.status.reason, 'DeadlineExceeded');
  golden('deadline', world);
});

test('a dead sandbox takes its containers with it; the pod begins anew with its init containers', () => {
  const world = new World(podOf({ initContainers: [container('setup')] }));
  world.pass(1);
  world.exit('setup', 0);
  world.pass(1);
  world.killSandbox();
  world.pass(1);
  world.exit('setup', 0);
  world.pass(1);
  golden('sandbox-dies', world);
});

test('a failed liveness probe restarts the container, a failed readiness probe only takes it out of service', () => {
  const probe = { tcpSocket: { port: 80 } };
  const world = new World(podOf({ containers: [container('app', { livenessProbe: probe, readinessProbe: probe })] }));
  world.pass(1);
  world.probe('app', { readiness: true, liveness: true });
  world.pass(1);
  world.probe('app', { readiness: false });
  world.pass(1);
  world.probe('app', { liveness: false });
  world.pass(1);
  golden('probes', world);
});

test('a pod with a readiness gate is ready when somebody says so', () => {
  const world = new World(podOf({ readinessGates: [{ conditionType: 'example.com/ready' }] }));
  world.pass(1);
  const ready = () => world.status.conditions?.find((c) => c.type === 'Ready');
  assert.equal(ready()?.message, 'corresponding condition of pod readiness gate "example.com/ready" does not exist.');
  world.pod = { ...world.pod, status: { conditions: [{ type: 'example.com/ready', status: 'True' }] } };
  world.pass(1);
  assert.equal(ready()?.status, 'True');
});

test('a container that does not heed SIGTERM is killed when the grace is over, and a shorter grace is heeded', () => {
  const world = new World(podOf({}));
  world.pass(1);
  world.stubborn.add('app');
  world.delete(30);
  world.pass(1);
  world.delete(5);
  world.pass(1);
  world.stubborn.clear();
  world.pass(1);
  golden('stubborn', world);
});

test('a pod whose object is gone is killed and cleaned up', () => {
  const world = new World(podOf({}));
  world.pass(1);
  world.removed = true;
  world.pass(1);
  assert.equal(world.finished, true);
  golden('removed', world);
});

test('a pod that the node rejected runs nothing', () => {
  const world = new World(podOf({}));
  world.memory = { ...emptyMemory(), failed: { reason: 'OutOfcpu', message: 'Pod was rejected: no' } };
  world.pass(1);
  assert.deepEqual(
    [world.status.phase, world.status.reason, world.status.containerStatuses],
    ['Failed', 'OutOfcpu', undefined],
  );
  assert.equal(world.observed.sandboxes.length, 0);
});

test('an agent that begins anew, with or without its memory, finds nothing to do for a pod that runs', () => {
  const world = new World(podOf({}));
  world.pass(5);
  const { story, status } = world;
  const told = story.length;
  for (const memory of [world.memory, emptyMemory()]) {
    world.memory = memory;
    world.pod = { ...world.pod, status };
    world.pass(60);
  }
  assert.equal(story.length, told);
  assert.deepEqual(world.status, status);
});

test('after a reboot the pod runs again, and its containers count one restart more', () => {
  const world = new World(podOf({}));
  world.pass(5);
  world.pod = { ...world.pod, status: world.status };
  world.observed = { sandboxes: [], containers: [] };
  world.memory = emptyMemory();
  world.pass(1);
  assert.equal(world.status.containerStatuses?.[0]?.restartCount, 1);
  assert.equal(world.status.phase, 'Running');
});

test('a new image restarts the container: its last end is told, but not as if the pod were not ready in between', () => {
  const world = new World(podOf({}));
  world.pass(1);
  world.pod = { ...world.pod, spec: { ...world.pod.spec!, containers: [container('app', { image: 'app:2' })] } };
  world.pass(1);
  golden('new-image', world);
  assert.equal(world.status.containerStatuses![0]!.lastState!.terminated!.exitCode, 143);
});

test('a start that the runtime dates a second earlier than the agent told is not told again', () => {
  const world = new World(podOf({}));
  world.pass(5);
  const told = world.status;
  const [running] = world.observed.containers;
  world.observed = { ...world.observed, containers: [{ ...running!, startedAt: running!.startedAt - 30 }] };
  world.pass(1);
  assert.deepEqual(world.status, told);
  world.observed = { ...world.observed, containers: [{ ...running!, startedAt: running!.startedAt - 5000 }] };
  world.pass(1);
  assert.equal(world.status.containerStatuses![0]!.state!.running!.startedAt, '2025-12-31T23:59:55Z');
});

test('a new image that cannot be had is told of at once', () => {
  const world = new World(podOf({}));
  world.pass(1);
  world.failures.set('app', { failure: 'ErrImagePull', message: 'not found' });
  world.pod = { ...world.pod, spec: { ...world.pod.spec!, containers: [container('app', { image: 'app:2' })] } };
  world.pass(1);
  golden('new-image-missing', world);
});

test('a container given another image does not wait for the back-off of the one that could not be had', () => {
  const world = new World(podOf({}));
  world.failures.set('app', { failure: 'ErrImagePull', message: 'no such host' });
  world.pass(5);
  assert.equal(world.status.containerStatuses?.[0]?.state?.waiting?.reason, 'ImagePullBackOff');
  world.failures.clear();
  const before = world.pod;
  world.pod = { ...before, spec: { ...before.spec!, containers: [container('app', { image: 'app:2' })] } };
  assert.deepEqual(forgetImages(world.memory, before, before), world.memory);
  world.memory = forgetImages(world.memory, before, world.pod);
  world.pass(1);
  assert.equal(world.status.phase, 'Running');
});

test('a pod that is deleted before anything of it was seen ends as failed, and so do the containers that began', () => {
  const init = [container('setup'), container('more')];
  const world = new World(podOf({ initContainers: init }));
  world.failures.set('setup', { failure: 'ErrImagePull', message: 'no such image' });
  world.pass(5);
  assert.equal(world.status.phase, 'Pending');
  world.delete(30);
  world.pass(1);
  const reasons = (statuses: PodStatus['containerStatuses'] = []) =>
    statuses.map(({ state }) => state?.terminated?.reason ?? state?.waiting?.reason);
  assert.equal(world.status.phase, 'Failed');
  assert.deepEqual(reasons(world.status.initContainerStatuses), ['ContainerStatusUnknown', 'PodInitializing']);
  assert.deepEqual(reasons(world.status.containerStatuses), ['PodInitializing']);
});

test('a pod is not over while a start is under way that may yet succeed', () => {
  const world = new World(podOf({}));
  world.failures.set('app', { failure: 'ErrImagePull', message: 'no such image' });
  world.pass(1);
  world.delete(30);
  const at = { observed: world.observed, memory: world.memory, probes: world.probes, node: { hostIPs: [] } };
  const phase = (starting: boolean) =>
    sync({ ...at, pod: world.pod, removed: false, starting, now: world.now }).status.phase;
  assert.deepEqual([phase(true), phase(false)], ['Pending', 'Failed']);
});

test('a pod whose deadline is over shows how its containers ended, and that of one nobody knows', () => {
  const world = new World(podOf({ activeDeadlineSeconds: 3, containers: [container('app'), container('late')] }));
  world.failures.set('late', { failure: 'ErrImagePull', message: 'no such image' });
  world.pass(1);
  for (const _ of [1, 2]) {
    world.exit('app', 9);
    world.pass(0.5);
  }
  assert.equal(world.status.containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
  world.pass(5);
  const ends = world.status.containerStatuses?.map(({ state }) => [
    state?.terminated?.exitCode,
    state?.terminated?.reason,
  ]);
  assert.deepEqual(ends, [
    [9, 'Error'],
    [137, 'ContainerStatusUnknown'],
  ]);
});

test('a pod that the node evicts gets a second, whatever grace it asks for', () => {
  const world = new World(podOf({ terminationGracePeriodSeconds: 3600 }));
  world.pass(1);
  world.memory = { ...world.memory, failed: { reason: 'Evicted', message: 'too much' } };
  const { actions } = sync({
    pod: world.pod,
    observed: world.observed,
    memory: world.memory,
    probes: world.probes,
    removed: false,
    now: world.now,
    node: { hostIPs: ['10.0.0.1'] },
  });
  assert.deepEqual(
    actions.map((action) => action.do === 'kill' && action.graceSeconds),
    [1],
  );
});

test('the sidecar of a pod that is done is stopped, and not started again', () => {
  const init = [container('setup'), container('proxy', { restartPolicy: 'Always' })];
  const world = new World(podOf({ restartPolicy: 'Never', initContainers: init }));
  world.pass(1);
  world.exit('setup', 0);
  world.pass(1);
  world.exit('app', 0);
  world.pass(1);
  assert.equal(world.status.phase, 'Succeeded');
  assert.deepEqual(
    world.observed.containers.map(({ name, attempt }) => [name, attempt]),
    [
      ['app', 0],
      ['proxy', 0],
      ['setup', 0],
    ],
  );
});
