import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod } from '../api/types.gen.ts';
import { emptyMemory, type ObservedContainer } from './model.ts';
import { graceSeconds, stopContainers } from './terminate.ts';
import { container, podOf } from './world.ts';

const probe = { tcpSocket: { port: 80 }, terminationGracePeriodSeconds: 5 };
const running = (name: string): ObservedContainer =>
  ({ id: `id-${name}`, name, sandboxId: 's', attempt: 0, state: 'running' }) as ObservedContainer;
const deleted = (pod: Pod, seconds: number): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: seconds },
});

test('a probe’s own grace holds for what it kills, the pod’s for all else, and that of a deletion for everything', () => {
  const pod = podOf({ containers: [container('app', { livenessProbe: probe, startupProbe: probe })] });
  assert.equal(graceSeconds(pod, 'app', 'liveness-probe'), 5);
  assert.equal(graceSeconds(pod, 'app', 'startup-probe'), 5);
  assert.equal(graceSeconds(pod, 'app', 'definition'), 30);
  const plain = podOf({ containers: [container('app', { livenessProbe: { tcpSocket: { port: 80 } } })] });
  assert.equal(graceSeconds(plain, 'app', 'liveness-probe'), 30);
  assert.equal(graceSeconds(deleted(pod, 7), 'app', 'liveness-probe'), 7);
});

test('one grace is for the whole pod: who is stopped later, or asked again, has what is left of it', () => {
  const lifecycle: Container['lifecycle'] = { preStop: { sleep: { seconds: 3 } } };
  const pod = podOf({
    initContainers: [container('side', { restartPolicy: 'Always', lifecycle })],
    containers: [container('app', { lifecycle }), container('plain')],
  });
  const both = { sandboxes: [], containers: [running('app'), running('plain'), running('side')] };
  const first = stopContainers(pod, both, emptyMemory(), 10, 1000);
  const told = (actions: typeof first.actions): unknown =>
    actions.map((a) =>
      a.do === 'kill' ? [a.container, a.graceSeconds, a.preStop] : [a.do, 'container' in a && a.container],
    );
  assert.deepEqual(told(first.actions), [
    ['app', 10, true],
    ['plain', 10, false],
    ['pre-stop', 'side'],
  ]);
  const last = { sandboxes: [], containers: [running('side')] };
  const second = stopContainers(pod, last, first.memory, 10, 7000);
  assert.deepEqual(told(second.actions), [['side', 4, false]], 'its hook ran while it waited');
  const over = stopContainers(pod, both, first.memory, 10, 60_000);
  assert.deepEqual(
    over.actions.map((a) => a.do === 'kill' && a.graceSeconds),
    [2, 2, 2],
    'never less than two seconds',
  );
  const now = stopContainers(pod, both, emptyMemory(), 0, 1000);
  assert.deepEqual(told(now.actions), [
    ['app', 0, false],
    ['plain', 0, false],
    ['side', 0, false],
  ]);
});
