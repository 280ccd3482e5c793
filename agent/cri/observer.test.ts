import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ObservedContainer } from '../../core/kubelet/model.ts';
import type { Cri } from './client.ts';
import type { ContainerConfig, ContainerStatus, Image } from './messages.ts';
import { startedContainer } from './observed.ts';
import { Observer } from './observer.ts';

const image = { id: 'sha256:1', repo_tags: ['i:1'], repo_digests: [] } as unknown as Image;
const config = { metadata: { name: 'app', attempt: 0 }, image: { image: 'sha256:1' }, annotations: {} };

/** As containerd tells it, with times of its own. */
const running = (user: boolean) =>
  ({
    id: 'c1',
    metadata: config.metadata,
    state: 'CONTAINER_RUNNING',
    created_at: '900000000',
    started_at: '950000000',
    finished_at: '0',
    exit_code: 0,
    reason: '',
    message: '',
    image: { image: 'i:1' },
    image_ref: 'sha256:1',
    log_path: '/log',
    annotations: {},
    ...(user ? { user: { linux: { uid: '7', gid: '8', supplemental_groups: [] } } } : {}),
  }) as unknown as ContainerStatus;

/** An observer whose questions about containers the test answers. */
function observer(t: TestContext, { user = false, wasOomKilled = false } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: (() => void)[] = [];
  const cri = {
    containerStatus: () =>
      new Promise<ContainerStatus>((resolve) => {
        asked.push(() => resolve(running(user)));
      }),
  } as unknown as Cri;
  const told: string[] = [];
  const of = new Observer(
    cri,
    () => undefined,
    async () => 'last words',
    () => wasOomKilled,
  );
  const seen = (): ObservedContainer | undefined => of.observed('u').containers[0];
  of.onChange(() => told.push(seen()?.state ?? 'none'));
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await turn();
  };
  const times = { createdAt: 1000, startedAt: 1010 };
  const container = startedContainer('c1', 's1', config as unknown as ContainerConfig, image, times);
  const start = (): Promise<void> => of.started('u', container, '/log', {});
  return { of, asked, told, seen, settle, start };
}

const exit = { type: 'exit', containerId: 'c1', exitCode: 3, exitedAt: 2000 } as const;

test('a container that was started is shown running before the runtime is asked about it, and later as the runtime says', async (t) => {
  const { asked, told, seen, settle, start, of } = observer(t);
  of.hide('u', 'c1');
  await start();
  assert.deepEqual([told, asked.length], [['running'], 0]);
  assert.deepEqual([seen()?.image, seen()?.imageId, seen()?.startedAt], ['i:1', 'sha256:1', 1010]);
  t.mock.timers.tick(1_000);
  asked[0]?.();
  await settle();
  assert.equal(seen()?.startedAt, 950);
});

test('where the runtime tells the user of a container, it is asked before the container is shown', async (t) => {
  const { asked, seen, settle, start } = observer(t, { user: true });
  await start();
  t.mock.timers.tick(1_000);
  asked[0]?.();
  await settle();
  assert.equal(seen()?.user?.uid, 7);
  const again = start();
  assert.equal(asked.length, 2);
  asked[1]?.();
  await again;
  assert.equal(seen()?.user?.uid, 7);
});

test('an exit that came before the start returned is shown after it', async (t) => {
  const { of, seen, settle, start } = observer(t);
  of.hide('u', 'c1');
  of.handle(exit);
  await start();
  await settle();
  assert.deepEqual([seen()?.state, seen()?.exitCode, seen()?.message], ['exited', 3, 'last words']);
});

test('an exit whose reason is waited for is not lost to a look that still sees the container run', async (t) => {
  const { of, asked, seen, settle, start } = observer(t);
  await start();
  const look = of.reveal('u', 'c1', 's1');
  // Killed from outside: an OOM kill may be told a moment later.
  of.handle({ ...exit, exitCode: 137 });
  asked[0]?.();
  await look;
  t.mock.timers.tick(1_000);
  await settle();
  assert.deepEqual([seen()?.state, seen()?.exitCode, seen()?.reason], ['exited', 137, 'Error']);
});

const killed = { ...exit, exitCode: 137 };
const oom = { type: 'oom', containerId: 'c1' } as const;

test('who was killed is not told to have ended before the runtime had time to say why', async (t) => {
  const { of, told, seen, settle, start } = observer(t);
  await start();
  of.handle(killed);
  t.mock.timers.tick(900);
  await settle();
  assert.deepEqual(told, ['running']);
  of.handle(oom);
  await settle();
  assert.deepEqual([told, seen()?.reason, seen()?.finishedAt], [['running', 'exited'], 'OOMKilled', 2000]);
  t.mock.timers.tick(1_000);
  await settle();
  assert.deepEqual(told, ['running', 'exited'], 'once');
});

test('what the kernel itself says needs no word of the runtime', async (t) => {
  const { of, told, seen, settle, start } = observer(t, { wasOomKilled: true });
  await start();
  of.handle(killed);
  await settle();
  assert.deepEqual([told, seen()?.reason], [['running', 'exited'], 'OOMKilled']);
});

test('who is being stopped needs no explanation, also when the exit came first', async (t) => {
  const { of, seen, settle, start } = observer(t);
  await start();
  of.handle(killed);
  of.expectKill('c1');
  await settle();
  assert.deepEqual([seen()?.state, seen()?.reason], ['exited', 'Error']);
});

test('a kill that came before the start returned waits for its reason too', async (t) => {
  const { of, seen, settle, start } = observer(t);
  of.hide('u', 'c1');
  of.handle({ ...exit, exitCode: 137 });
  await start();
  await settle();
  assert.equal(seen()?.state, 'running');
  of.handle({ type: 'oom', containerId: 'c1' });
  await settle();
  assert.deepEqual([seen()?.state, seen()?.reason], ['exited', 'OOMKilled']);
});

test('a container of which the runtime could not tell whether it started is found by the next list', async () => {
  let away = true;
  const listed = {
    id: 'c1',
    pod_sandbox_id: 's1',
    state: 'CONTAINER_RUNNING',
    labels: { 'io.kubernetes.pod.uid': 'u' },
  };
  const cri = {
    containerStatus: async () => {
      if (away) throw new Error('away');
      return running(false);
    },
    listPodSandbox: async () => [],
    listContainers: async () => [listed],
  } as unknown as Cri;
  const of = new Observer(
    cri,
    () => undefined,
    async () => '',
    () => false,
  );
  of.hide('u', 'c1');
  await assert.rejects(of.reveal('u', 'c1', 's1'), /away/);
  away = false;
  await of.relist();
  assert.deepEqual(
    of.observed('u').containers.map(({ id, state }) => [id, state]),
    [['c1', 'running']],
  );
});
