import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { emptyMemory } from '../../core/kubelet/model.ts';
import { Checkpoint } from './checkpoint.ts';

test('what could not be written is written later, and nothing of a pod stays once it is forgotten', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const dir = mkdtempSync(join(tmpdir(), 'slipway-checkpoint-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const checkpoint = new Checkpoint(dir, () => undefined);
  const folder = join(dir, 'checkpoint');
  // In the way, as a full disk would be.
  mkdirSync(join(folder, 'u.json.new'));
  checkpoint.save('u', { pod: { metadata: { uid: 'u' } }, memory: emptyMemory() });
  await checkpoint.flush();
  assert.deepEqual(checkpoint.load(), []);
  rmdirSync(join(folder, 'u.json.new'));
  t.mock.timers.tick(10_000);
  for (let i = 0; i < 10_000 && checkpoint.load().length === 0; i++) await turn();
  assert.deepEqual(
    checkpoint.load().map(({ pod }) => pod.metadata?.uid),
    ['u'],
  );
  checkpoint.forget('u');
  await checkpoint.flush();
  assert.deepEqual(readdirSync(folder), []);
});
