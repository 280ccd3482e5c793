// Objects of which much is written and little read: they leave memory, and come back from the disk as they were.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Revision } from '../../core/store/store.ts';
import { type LmdbStore, openLmdbStore } from './store.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const keyOf = (number: number) => ({ namespace: 'default', name: `n${String(number).padStart(4, '0')}` });

async function write(store: LmdbStore, resource: string, number: number, value: string, expected: Revision | 'absent') {
  const key = keyOf(number);
  const object = { apiVersion: 'v1', kind: 'Event', metadata: { ...key }, value };
  const seen = new WeakRef(object);
  const result = await store.commit({ op: 'put', resource, key, object, expected });
  assert.ok(result.ok);
  return { seen, revision: result.revision };
}

test('objects of a resource that is seldom read leave memory once they are in the database, and are read from it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-lmdb-'));
  try {
    const store = await openLmdbStore({ directory, seldomRead: new Set(['events']), backlog: { bytes: 1, ms: 1 } });
    const count = 1_000;
    const events = [];
    const others = [];
    for (let i = 0; i < count; i++) {
      events.push(await write(store, 'events', i, `first ${i}`, 'absent'));
      others.push(await write(store, 'configmaps', i, `first ${i}`, 'absent'));
    }
    // An object that was changed since keeps its newest version.
    const changed = await write(store, 'events', 0, 'second', events[0]!.revision);
    await store.compact();
    for (let i = count; i < 2 * count; i++) await write(store, 'events', i, `first ${i}`, 'absent');
    await store.compact();
    await turn();
    collect();
    const alive = (all: readonly { seen: WeakRef<object> }[]) => all.filter(({ seen }) => seen.deref()).length;
    assert.equal(alive(events), 0);
    assert.equal(alive(others), count);
    assert.deepEqual((await store.get('events', keyOf(0)))?.object['value'], 'second');
    assert.equal((await store.get('events', keyOf(0)))?.revision, changed.revision);
    const { items } = await store.list('events');
    assert.deepEqual(
      items.map(({ object }) => object['value']),
      Array.from({ length: 2 * count }, (_, i) => (i === 0 ? 'second' : `first ${i}`)),
    );
    await store.close();
    const reopened = await openLmdbStore({ directory, seldomRead: new Set(['events']) });
    assert.equal((await reopened.get('events', keyOf(7)))?.object['value'], 'first 7');
    await reopened.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
