// The parts that the simulation replaces: the lock on a lease, the files, who has to leave.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pod } from '../../core/api/types.gen.ts';
import { FakeApi } from '../../core/client/fixture/fake-api.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { bundleName, paths } from '../settings.ts';
import { UpdateDisk } from './disk.ts';
import { mustLeave } from './drain.ts';
import { agentUpdate } from './files.ts';
import { lockSeconds, UpdateLock } from './lock.ts';

test('of two that find the lock free one gets it; it is free again when given back, or silent for its whole time', async () => {
  const ports = manualPorts();
  const client = new FakeApi(ports).client();
  const [a, b] = ['a', 'b'].map((name) => new UpdateLock(client, name, () => ports.clock.now())) as [
    UpdateLock,
    UpdateLock,
  ];
  assert.deepEqual([await a.look(), await b.look()], ['free', 'free']);
  await Promise.all([a.take(), b.take()]);
  assert.deepEqual([await a.look(), await b.look()], ['mine', 'held']);
  // what its holder renews stays held, however long
  for (let i = 0; i < 10; i++) {
    ports.pass((lockSeconds * 1000) / 2);
    assert.deepEqual([await a.look(), await b.look()], ['mine', 'held']);
  }
  ports.pass(lockSeconds * 1000 + 1);
  assert.equal(await b.look(), 'free');
  await b.take();
  assert.deepEqual([await a.look(), await b.look()], ['held', 'mine']);
  await a.release();
  assert.equal(await b.look(), 'mine');
  await b.release();
  assert.deepEqual([await a.look(), await b.look()], ['free', 'free']);
});

test('a switch notes the trial, then turns the link; old versions go when the new one has proved itself', () => {
  const root = mkdtempSync(join(tmpdir(), 'slipway-update-'));
  try {
    for (const version of ['1', '2', '3', '4.new']) {
      mkdirSync(`${root}${paths.versions}/${version}`, { recursive: true });
      writeFileSync(`${root}${paths.versions}/${version}/${bundleName}`, '');
    }
    symlinkSync('versions/2', `${root}${paths.current}`);
    const disk = new UpdateDisk(root);
    assert.deepEqual(disk.kept(), {});
    assert.equal(disk.running(`${root}${paths.versions}/2/${bundleName}`), '2');
    assert.equal(disk.running('/somewhere/worker/main.ts'), undefined);
    disk.turn({ from: '2', to: '3' });
    assert.equal(readlinkSync(`${root}${paths.current}`), 'versions/3');
    assert.equal(readFileSync(`${root}${agentUpdate.trying}`, 'utf8'), '2 3 0\n');
    assert.deepEqual(disk.trial(), { from: '2', to: '3' });
    disk.forgetTrial();
    assert.equal(disk.trial(), undefined);
    disk.prune(['3', '2']);
    assert.deepEqual(
      ['1', '2', '3', '4.new'].map((version) => disk.has(version)),
      [false, true, true, false],
    );
    const state = { from: '2', to: '3', wasCordoned: true, beganAtMs: 5 };
    disk.keep({ state });
    assert.deepEqual(new UpdateDisk(root).kept(), { state });
    writeFileSync(`${root}${paths.updateState}`, '{"state":');
    assert.deepEqual(disk.kept(), {});
    assert.equal(existsSync(`${root}${agentUpdate.failed}`), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('pods that a controller makes again have to leave; others stay and run on', () => {
  const owned = (kind: string, status = {}): Pod => ({
    metadata: { ownerReferences: [{ apiVersion: 'v1', kind, name: 'o', uid: 'o', controller: true }] },
    status,
  });
  assert.equal(mustLeave(owned('ReplicaSet')), true);
  assert.equal(mustLeave(owned('Job', { phase: 'Running' })), true);
  assert.equal(mustLeave(owned('Job', { phase: 'Succeeded' })), false);
  assert.equal(mustLeave(owned('DaemonSet')), false);
  assert.equal(mustLeave({ metadata: {} }), false);
  assert.equal(
    mustLeave({ metadata: { ...owned('ReplicaSet').metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    false,
  );
});
