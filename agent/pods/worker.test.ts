import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Pod, PodStatus } from '../../core/api/types.gen.ts';
import { emptyMemory, type ObservedContainer, type ObservedPod } from '../../core/kubelet/model.ts';
import { podOf } from '../../core/kubelet/world.ts';
import type { Runtime } from '../runtime.ts';
import { PodWorker, type WorkerDeps } from './worker.ts';

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

/** What a test does not watch, it does not hear of. */
function workerOf(pod: Pod, deps: Pick<WorkerDeps, 'runtime' | 'now'> & Partial<WorkerDeps>): PodWorker {
  const nothing = (): void => {};
  const silent = { log: nothing, event: nothing, started: nothing, report: nothing, gone: nothing, save: nothing };
  return new PodWorker({ hostIPs: ['10.0.0.1'], leaves: () => false, ...silent, ...deps }, pod, emptyMemory());
}

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
  const worker = workerOf(podOf({}), {
    runtime,
    now: () => now + 1,
    event: (_pod, event) => events.push(event.reason),
    report: (_pod, reported) => {
      status = reported;
    },
  });
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
  const worker = workerOf(podOf({}), {
    runtime,
    now: () => now,
    report: (_pod, { containerStatuses }) => {
      const { restartCount, ready } = containerStatuses![0]!;
      told.push(`${restartCount} ${ready ? 'ready' : 'not ready'}`);
    },
  });
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
  const worker = workerOf(pod, { runtime, now: () => now });
  for (let i = 0; i < 6_000 && kills < 3; i++) {
    worker.wake();
    await sleep(10);
  }
  worker.close();
  assert.equal(kills, 3);
});
