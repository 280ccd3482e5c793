// The properties of the revision protocol, under writers, readers and watchers that a seed drives. A store that keeps its
// data is reopened between its lives. SLIPWAY_SEED=N repeats a run.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryStore } from '../../core/store/memory.ts';
import type { Store } from '../../core/store/store.ts';
import { openLmdbStore } from '../../local/lmdb/store.ts';
import type { Acknowledged } from './history.ts';
import { checkLog, checkWatcher } from './history.ts';
import { seeded, seedOfRun } from './random.ts';
import type { Watched } from './workload.ts';
import { simulated, Workload } from './workload.ts';

async function simulate(seed: number, lives: number, steps: number, open: () => Promise<Store>): Promise<number> {
  const random = seeded(seed);
  const acknowledged: Acknowledged[] = [];
  const watched: Watched[] = [];
  const attempted = new Set<string>();
  const first = await open();
  const start = new Map<string, number>();
  for (const resource of simulated.resources) start.set(resource, await first.head(resource));
  await first.close();
  let changes = 0;
  for (let life = 0; life < lives; life++) {
    const store = await open();
    const workload = new Workload(store, random, attempted);
    await workload.run(steps);
    acknowledged.push(...workload.acknowledged);
    watched.push(...workload.watched);
    changes = 0;
    for (const resource of simulated.resources) {
      const log = await checkLog(store, resource, start.get(resource)!, acknowledged, attempted);
      for (const one of watched) if (one.resource === resource) checkWatcher(one.saw, log, one.after, one.upTo);
      assert.equal(log.length, acknowledged.filter((write) => write.resource === resource).length);
      changes += log.length;
    }
    await store.close();
  }
  return changes;
}

test('the memory store keeps every property', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  for (let run = 0; run < 20; run++) {
    const store = new MemoryStore();
    assert.ok((await simulate(seed + run, 1, 60, async () => store)) > 100);
  }
});

test('the LMDB store keeps every property through one life after another', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-simulation-'));
  try {
    assert.ok((await simulate(seed, 8, 60, () => openLmdbStore({ directory }))) > 800);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
