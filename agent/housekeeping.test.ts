import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HousekeepingDeps, keepHouse } from './housekeeping.ts';

const volume = 'volumes/kubernetes.io~empty-dir/cache';
const spec = { containers: [], volumes: [{ name: 'cache', emptyDir: { sizeLimit: '1Ki' } }] };

test('what cannot be measured of one pod keeps nobody from evicting another, nor from renewing tokens', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const podsDir = mkdtempSync(join(tmpdir(), 'slipway-house-'));
  t.after(() => rmSync(podsDir, { recursive: true }));
  mkdirSync(join(podsDir, 'odd', 'volumes/kubernetes.io~empty-dir'), { recursive: true });
  writeFileSync(join(podsDir, 'odd', volume), 'no folder');
  mkdirSync(join(podsDir, 'full', volume), { recursive: true });
  writeFileSync(join(podsDir, 'full', volume, 'file'), Buffer.alloc(8192, 1));
  const failed: string[] = [];
  const worker = (uid: string) => ({
    uid,
    pod: { metadata: { uid }, spec },
    over: false,
    fail: (reason: string) => failed.push(`${uid} ${reason}`),
  });
  let refreshed = 0;
  const deps = {
    agent: {
      workers: () => [worker('odd'), worker('full')],
      isStatic: () => false,
      refreshAll: async () => void refreshed++,
    },
    config: { podsDir },
    observer: { observed: () => ({ sandboxes: [], containers: [] }) },
    keepUsage: () => undefined,
    log: () => undefined,
  } as unknown as HousekeepingDeps;
  t.after(keepHouse(deps));
  for (let i = 0; i < 12_000 && refreshed === 0; i++) {
    t.mock.timers.tick(10_000);
    await sleep(5);
  }
  assert.equal(failed[0], 'full Evicted');
  assert.ok(refreshed > 0);
});
