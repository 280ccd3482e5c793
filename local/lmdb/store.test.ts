// What the LMDB driver promises beyond the contract of the store port (test/contract/store.ts).
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Revision, Store } from '../../core/store/store.ts';
import { DataDirectoryInUse } from './directory-lock.ts';
import { DataDirectoryNewer, openDatabase } from './open.ts';
import { formatVersion } from './rows.ts';
import { LmdbStore, openLmdbStore } from './store.ts';

const key = { namespace: 'default', name: 'a' };
const object = (value: unknown): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { ...key }, value });

const put = (store: Store, value: unknown, expected: Revision | 'absent') =>
  store.commit({ op: 'put', resource: 'pods', key, object: object(value), expected });

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-lmdb-'));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('a full disk refuses a write by name, and the store goes on from what it has', () =>
  inDirectory(async (directory) => {
    const opened = await openDatabase(directory);
    const { tables } = opened;
    let full = true;
    const root = new Proxy(tables.root, {
      get(target, property) {
        if (property !== 'batch' || !full) return Reflect.get(target, property).bind(target);
        // As lmdb reports it: the reason comes by a promise of its own.
        return async () => {
          const commitError = Promise.reject(new Error('No space left on device'));
          throw Object.assign(new Error('Commit failed (see commitError for details)'), { commitError });
        };
      },
    });
    const store = new LmdbStore({ ...opened, tables: { ...tables, root } }, { directory });
    const refused = (error: unknown): boolean =>
      isStatus(error, 'ServiceUnavailable') && /the disk is full/.test(error.message);
    const failing = [put(store, 1, 'absent'), put(store, 2, 'absent')];
    for (const write of failing) await assert.rejects(write, refused);
    assert.equal(await store.get('pods', key), undefined);
    const head = await store.head('pods');
    full = false;
    const written = await put(store, 3, 'absent');
    assert.deepEqual(written, { ok: true, revision: head + 1 });
    assert.equal((await store.changesSince('pods', head)).changes.length, 1);
    await store.close();
  }));

test('a data directory of a newer version is refused, and left as it is', () =>
  inDirectory(async (directory) => {
    const { tables, close } = await openDatabase(directory);
    await tables.meta.put('format', formatVersion + 1);
    await close();
    await assert.rejects(openLmdbStore({ directory }), DataDirectoryNewer);
    await assert.rejects(openLmdbStore({ directory }), /written by a newer Slipway/);
  }));

test('a second opener of one directory is refused until the first has closed', () =>
  inDirectory(async (directory) => {
    const first = await openLmdbStore({ directory });
    await assert.rejects(openLmdbStore({ directory }), DataDirectoryInUse);
    await first.close();
    await (await openLmdbStore({ directory })).close();
  }));

test('its files are readable by their owner only', () =>
  inDirectory(async (parent) => {
    const directory = join(parent, 'store');
    const store = await openLmdbStore({ directory });
    await put(store, 1, 'absent');
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    for (const file of await readdir(directory))
      assert.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file);
    await store.close();
  }));

test('compaction leaves the rows that the log and the objects need, and no others', () =>
  inDirectory(async (directory) => {
    const opened = await openDatabase(directory);
    const store = new LmdbStore(opened, { directory, limits: { maxChanges: 10 } });
    let standing: Revision | 'absent' = 'absent';
    for (let i = 0; i < 50; i++) {
      const result = await put(store, i, standing);
      assert.ok(result.ok);
      standing = result.revision;
    }
    await store.compact();
    // The ten changes that are kept, and the state before the first of them.
    assert.equal(opened.tables.rows.getCount(), 11);
    const { changes } = await store.changesSince('pods', (standing as Revision) - 10);
    assert.deepEqual(
      changes.map(({ object: after, previous }) => [after['value'], previous?.['value']]).at(0),
      [40, 39],
    );
    const current = await store.get('pods', key);
    await store.commit({
      op: 'delete',
      resource: 'pods',
      key,
      object: current!.object,
      expected: standing as Revision,
    });
    const again = await put(store, 'again', 'absent');
    assert.ok(again.ok);
    await store.close();
    const reopened = new LmdbStore(await openDatabase(directory), { directory, limits: { maxChanges: 0 } });
    await reopened.compact();
    assert.equal((await reopened.get('pods', key))?.object['value'], 'again');
    // A resource at rest moves its head once, so that old pages expire.
    assert.equal(await reopened.head('pods'), again.revision + 1);
    await reopened.close();
  }));

test('a write after the close is refused', () =>
  inDirectory(async (directory) => {
    const store = await openLmdbStore({ directory });
    await store.close();
    await assert.rejects(put(store, 1, 'absent'), (error) => isStatus(error, 'ServiceUnavailable'));
  }));
