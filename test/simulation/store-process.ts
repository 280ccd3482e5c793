// A process to be killed: writes to the LMDB store of a directory and watches it from a revision, and says what was
// acknowledged and seen, a JSON line each. Arguments: directory, seed, and a JSON map of where watchers go on from.
import { writeSync } from 'node:fs';
import { Hub } from '../../core/store/hub.ts';
import type { Revision } from '../../core/store/store.ts';
import { openLmdbStore } from '../../local/lmdb/store.ts';
import { seen } from './history.ts';
import { seeded } from './random.ts';
import { simulated } from './workload.ts';

const [directory = '', seed = '0', resume = '{}'] = process.argv.slice(2);
/** Straight to the descriptor: what was said before the kill arrives. */
const say = (line: unknown): void => void writeSync(1, `${JSON.stringify(line)}\n`);

// A small journal and a hasty backlog: kills come between every two steps of the way from one to the other.
const store = await openLmdbStore({ directory, journalHalfBytes: 24 * 1024, backlog: { bytes: 12 * 1024, ms: 3 } });
const hub = new Hub(store);
const random = seeded(Number(seed));
const from = JSON.parse(resume) as Record<string, Revision>;

for (const resource of simulated.resources) {
  const since = from[resource] ?? (await store.head(resource));
  say({ start: resource, since });
  await hub.subscribe(resource, since, {
    onChanges(changes) {
      for (const change of changes) say({ saw: seen(change), resource });
    },
    onEnd: (error) => say({ failed: String(error) }),
  });
}

async function write(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const resource = random.pick(simulated.resources);
    const name = `o${random.below(12)}`;
    const key = { namespace: 'default', name };
    const standing = await store.get(resource, key);
    const op = standing && random.below(5) === 0 ? 'delete' : 'put';
    const value = op === 'delete' ? String(standing?.object['value']) : `${seed}-${writer}-${i}`;
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: key, value, filling: 'x'.repeat(random.below(4_000)) };
    say({ trying: value });
    const expected = standing?.revision ?? 'absent';
    const commit = op === 'put' ? ({ op, expected } as const) : ({ op, expected: expected as Revision } as const);
    const result = await store.commit({ ...commit, resource, key, object });
    if (result.ok) say({ acknowledged: { resource, op, name, value, revision: result.revision } });
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
