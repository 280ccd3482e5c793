import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readConfig, resolveConfig } from './config.ts';
import type { Container, Image } from './cri/messages.ts';
import { type ContainerGarbageDeps, ImageGarbage, removeDeadContainers } from './garbage.ts';
import { pauseImage } from './images/pause.ts';

const config = resolveConfig({
  clusterName: 'c',
  nodeName: 'n',
  apiUrl: 'https://127.0.0.1',
  caFile: '',
  runtime: 'containerd',
  stateDir: '/nowhere',
  cgroupRoot: '/c',
  address: '127.0.0.1',
  port: 0,
  clusterDns: [],
  clusterDomain: 'cluster.local',
});

const image = (id: string, ...tags: string[]): Image => ({
  id,
  repo_tags: tags,
  repo_digests: [],
  size: '100',
  uid: null,
  username: '',
  pinned: false,
});

/** A runtime with a disk of 1000 bytes, 50 of them free, whose images hold 100 each. */
function stand(stubborn: readonly string[] = []) {
  let images = ['pause', 'run', 'dead', 'idle', 'other'].map((id) =>
    image(id, id === 'pause' ? pauseImage : `example.org/${id}:1`),
  );
  const events: string[] = [];
  const state = { broken: false, elsewhere: 0 };
  const garbage = new ImageGarbage({
    config,
    cri: {
      listImages: async () => images,
      listContainers: async () =>
        [
          { image_ref: 'run', image: null },
          { image_ref: '', image: { image: 'example.org/dead:1' } },
        ] as unknown as Container[],
      removeImage: async ({ image: id }) => {
        if (stubborn.includes(id)) throw new Error(`${id} is held`);
        images = images.filter((one) => one.id !== id);
      },
      imageFs: async () => [],
    },
    room: async () => {
      if (state.broken) throw new Error('no such disk');
      return { capacity: 1000, available: Math.max(50 + 100 * (5 - images.length) - state.elsewhere, 0) };
    },
    tell: (_type, reason) => void events.push(reason),
    log: () => {},
  });
  return { garbage, events, state, held: () => images.map(({ id }) => id) };
}

test('a full disk takes what no container is made of, running or dead; the pause image stays', async () => {
  const { garbage, events, held } = stand();
  await garbage.collect();
  assert.deepEqual(held(), ['pause', 'run', 'dead']);
  assert.deepEqual(events, []);
});

test('an image that cannot be removed is passed over; too little room is an event, and the second time in a row another', async () => {
  const { garbage, events, held } = stand(['idle']);
  await garbage.collect();
  assert.deepEqual(held(), ['pause', 'run', 'dead', 'idle']);
  assert.deepEqual(events, []);
  await garbage.collect();
  assert.deepEqual(events, ['ImageGCFailed']);
});

test('a disk that something else fills is said to be full', async () => {
  const { garbage, events, held, state } = stand();
  state.elsewhere = 200;
  await garbage.collect();
  assert.deepEqual(held(), ['pause', 'run', 'dead']);
  assert.deepEqual(events, []);
  await garbage.collect();
  assert.deepEqual(events, ['FreeDiskSpaceFailed']);
  await garbage.collect();
  assert.deepEqual(events, ['FreeDiskSpaceFailed', 'FreeDiskSpaceFailed', 'ImageGCFailed']);
});

test('a disk that cannot be looked at is told when it happens again', async () => {
  const { garbage, events, state } = stand();
  state.broken = true;
  await garbage.collect();
  await garbage.collect();
  state.broken = false;
  await garbage.collect();
  state.broken = true;
  await garbage.collect();
  assert.deepEqual(events, ['ImageGCFailed']);
});

test('a dead sandbox that the runtime cannot remove is told, after the others have gone', async () => {
  const sandbox = (id: string, attempt: number) => ({ id, attempt, ready: attempt === 2, createdAt: attempt, ips: [] });
  const sandboxes = [sandbox('now', 2), sandbox('stuck', 1), sandbox('old', 0)];
  const gone: string[] = [];
  const worker = { uid: 'u', over: false, task: {} };
  const deps = {
    agent: { workers: () => [worker], worker: () => worker },
    config,
    runtime: { observed: () => ({ sandboxes, containers: [] }) },
    cri: {
      removePodSandbox: async (id: string) => {
        if (id === 'stuck') throw new Error('its network stays');
      },
    },
    observer: { forgetSandbox: (id: string) => gone.push(id) },
  } as unknown as ContainerGarbageDeps;
  await assert.rejects(removeDeadContainers(deps), /its network stays/);
  assert.deepEqual(gone, ['old']);
});

test('settings that contradict each other are refused by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-garbage-'));
  try {
    const file = join(folder, 'agent.json');
    const read = (more: object): void => {
      writeFileSync(file, JSON.stringify({ ...config, caFile: '/ca', containerdSocket: '/s', ...more }));
      readConfig(file);
    };
    read({ imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99 });
    assert.throws(() => read({ imageGCHighThresholdPercent: 101 }), /"imageGCHighThresholdPercent" must be a whole/);
    assert.throws(() => read({ imageGCLowThresholdPercent: 85 }), /"imageGCLowThresholdPercent" must be less than/);
    assert.throws(() => read({ imageMaximumGCAgeSeconds: 60 }), /"imageMaximumGCAgeSeconds" must be 0, or more/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
