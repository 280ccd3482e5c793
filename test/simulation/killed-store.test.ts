// The store's process is killed (SIGKILL) under load, time after time: no acknowledged write is lost, what was never
// acknowledged is there whole or not at all, and watchers that go on from where they were see no gap and no reordering.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Resource, Revision } from '../../core/store/store.ts';
import { openLmdbStore } from '../../local/lmdb/store.ts';
import type { Acknowledged, Seen } from './history.ts';
import { checkLog, checkWatcher } from './history.ts';
import { seeded, seedOfRun } from './random.ts';
import { simulated } from './workload.ts';

const program = fileURLToPath(new URL('store-process.ts', import.meta.url));
const kills = 15;

type Line =
  | { start: Resource; since: Revision }
  | { saw: Seen; resource: Resource }
  | { trying: string }
  | { acknowledged: Acknowledged }
  | { failed: string };

/** Lets the process acknowledge `writes` writes, kills it, and returns everything it said. */
async function oneLife(
  directory: string,
  seed: number,
  resume: Record<string, Revision>,
  writes: number,
): Promise<Line[]> {
  const child = spawn(process.execPath, [program, directory, String(seed), JSON.stringify(resume)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let left = writes;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => {
    text += chunk;
    left -= chunk.split('"acknowledged"').length - 1;
    if (left <= 0) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  assert.equal(signal, 'SIGKILL', 'the process ended by itself');
  // The last line may have been cut off by the kill.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

test(`${kills} kills of the store's process lose no acknowledged write and show no watcher a gap`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const random = seeded(seed);
  const directory = await mkdtemp(join(tmpdir(), 'slipway-killed-'));
  try {
    const acknowledged: Acknowledged[] = [];
    const attempted = new Set<string>();
    const saw = new Map<Resource, Seen[]>();
    const started: Record<string, Revision> = {};
    const resume: Record<string, Revision> = {};
    for (let life = 0; life < kills; life++) {
      for (const line of await oneLife(directory, seed + life, resume, 1 + random.below(200))) {
        if ('start' in line) {
          started[line.start] ??= line.since;
          // It may be killed before it says what it saw first.
          resume[line.start] ??= line.since;
        } else if ('trying' in line) attempted.add(line.trying);
        else if ('acknowledged' in line) acknowledged.push(line.acknowledged);
        else if ('failed' in line) assert.fail(line.failed);
        else {
          saw.set(line.resource, [...(saw.get(line.resource) ?? []), line.saw]);
          resume[line.resource] = line.saw.revision;
        }
      }
    }
    const store = await openLmdbStore({ directory });
    for (const resource of simulated.resources) {
      const log = await checkLog(store, resource, started[resource]!, acknowledged, attempted);
      checkWatcher(saw.get(resource) ?? [], log, started[resource]!, resume[resource]!);
    }
    t.diagnostic(`${acknowledged.length} acknowledged writes`);
    await store.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
