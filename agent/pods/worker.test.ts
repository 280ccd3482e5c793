import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { PodStatus } from '../../core/api/types.gen.ts';
import { emptyMemory, type ObservedContainer, type ObservedPod } from '../../core/kubelet/model.ts';
import { podOf } from '../../core/kubelet/world.ts';
import type { Runtime } from '../runtime.ts';
import { PodWorker } from './worker.ts';

const exited = (attempt: number, at: number): ObservedContainer => ({
  id: `app-${attempt}`,
  name: 'app',
  sandboxId: 'sandbox',
  attempt,
  state: 'exited',
  createdAt: at,
  startedAt: at,
  finishedAt: at,
  exitCode: 9,
  reason: 'Error',
  message: '',
  image: 'app:1',
  imageId: 'sha256:app',
  requestedImage: 'app:1',
});

async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

test('a crashed container whose restart is under way is not shown as held back; after its next crash it is', async () => {
  const now = 1_000_000;
  const sandbox = { id: 'sandbox', attempt: 0, ready: true, createdAt: now, ips: ['10.1.0.2'] };
  const observed: ObservedPod = { sandboxes: [sandbox], containers: [exited(0, now)] };
  const start = Promise.withResolvers<void>();
  const starts: number[] = [];
  const runtime = {
    observed: () => observed,
    startContainer: (_task: unknown, _name: string, attempt: number) => {
      starts.push(attempt);
      return start.promise;
    },
    remove: async () => {},
  } as unknown as Runtime;
  const events: string[] = [];
  let status: PodStatus = {};
  const worker = new PodWorker(
    {
      runtime,
      hostIPs: ['10.0.0.1'],
      now: () => now + 1,
      log: () => {},
      event: (_pod, event) => events.push(event.reason),
      started: () => {},
      report: (_pod, reported) => {
        status = reported;
      },
      gone: () => {},
      leaves: () => false,
      save: () => {},
    },
    podOf({}),
    emptyMemory(),
  );
  const shown = () => status.containerStatuses?.[0];

  for (let i = 0; i < 3; i++) {
    worker.wake();
    await turns();
  }
  assert.deepEqual([starts, events], [[1], []]);
  assert.equal(shown()?.state?.waiting?.reason, undefined);

  observed.containers.unshift(exited(1, now + 1));
  start.resolve();
  await turns();
  assert.deepEqual([starts, events], [[1], ['BackOff']]);
  assert.deepEqual([shown()?.state?.waiting?.reason, shown()?.restartCount], ['CrashLoopBackOff', 1]);
  worker.close();
});

test('a container that is given another image is not told as ended before the next one runs', async () => {
  const now = 1_000_000;
  const sandbox = { id: 'sandbox', attempt: 0, ready: true, createdAt: now, ips: ['10.1.0.2'] };
  const running = (attempt: number): ObservedContainer => ({
    ...exited(attempt, now),
    state: 'running',
    finishedAt: 0,
    requestedImage: `app:${attempt + 1}`,
  });
  const observed: ObservedPod = { sandboxes: [sandbox], containers: [running(0)] };
  const start = Promise.withResolvers<void>();
  const runtime = {
    observed: () => observed,
    kill: async () => {
      observed.containers[0] = exited(0, now);
    },
    startContainer: () => start.promise,
  } as unknown as Runtime;
  const told: string[] = [];
  const nothing = (): void => {};
  const worker = new PodWorker(
    {
      runtime,
      hostIPs: ['10.0.0.1'],
      now: () => now,
      log: nothing,
      event: nothing,
      started: nothing,
      report: (_pod, { containerStatuses }) => {
        const { restartCount, ready } = containerStatuses![0]!;
        told.push(`${restartCount} ${ready ? 'ready' : 'not ready'}`);
      },
      gone: nothing,
      leaves: () => false,
      save: nothing,
    },
    podOf({}),
    emptyMemory(),
  );
  worker.wake();
  await turns();
  worker.update(podOf({ containers: [{ name: 'app', image: 'app:2' }] }));
  await turns();
  assert.equal(observed.containers[0]!.state, 'exited');
  assert.deepEqual(told, ['0 ready']);

  observed.containers.unshift(running(1));
  start.resolve();
  await turns();
  assert.deepEqual(told, ['0 ready', '1 ready']);
  worker.close();
});

test('a kill that fails is tried again, whatever else happens to the pod meanwhile', async () => {
  const now = 1_000_000;
  const sandbox = { id: 'sandbox', attempt: 0, ready: true, createdAt: now, ips: ['10.1.0.2'] };
  const app: ObservedContainer = { ...exited(0, now), state: 'running', finishedAt: 0, exitCode: 0, reason: '' };
  let kills = 0;
  const runtime = {
    observed: (): ObservedPod => ({ sandboxes: [sandbox], containers: [app] }),
    kill: async () => {
      kills++;
      throw new Error('the runtime is away');
    },
  } as unknown as Runtime;
  const pod = podOf({});
  Object.assign(pod.metadata!, { deletionTimestamp: new Date(now).toISOString(), deletionGracePeriodSeconds: 1 });
  const nothing = (): void => {};
  const worker = new PodWorker(
    {
      runtime,
      hostIPs: [],
      now: () => now,
      log: nothing,
      started: nothing,
      event: nothing,
      report: nothing,
      gone: nothing,
      leaves: () => false,
      save: nothing,
    },
    pod,
    emptyMemory(),
  );
  for (let i = 0; i < 6_000 && kills < 3; i++) {
    worker.wake();
    await sleep(10);
  }
  worker.close();
  assert.equal(kills, 3);
});
