// What the LMDB driver promises beyond the contract of the store port (test/contract/store.ts).
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { CommitResult, Revision, Store } from '../../core/store/store.ts';
import { writeBatches } from './backlog.ts';
import { DataDirectoryInUse } from './directory-lock.ts';
import { Journal, type JournalFile, openJournalFile } from './journal.ts';
import { DataDirectoryNewer, openDatabase } from './open.ts';
import { formatVersion, type Tables } from './rows.ts';
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

/** A database that fails as lmdb does while `full()` says so. */
function fullDatabase(tables: Tables, full: () => boolean): Tables {
  const root = new Proxy(tables.root, {
    get(target, property) {
      if (property !== 'batch' || !full()) return Reflect.get(target, property).bind(target);
      // As lmdb reports it: the reason comes by a promise of its own.
      return async () => {
        const commitError = Promise.reject(new Error('No space left on device'));
        throw Object.assign(new Error('Commit failed (see commitError for details)'), { commitError });
      };
    },
  });
  return { ...tables, root };
}

/** A journal file whose writes fail while `full()` says so; `torn` bytes of them arrive all the same. */
function fullFile(file: JournalFile, full: () => boolean, torn = 0): JournalFile {
  const noSpace = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  return {
    ...file,
    write(bytes, position) {
      if (!full()) return file.write(bytes, position);
      file.write(bytes.subarray(0, torn), position);
      throw noSpace();
    },
    sync: () => (full() ? Promise.reject(noSpace()) : file.sync()),
  };
}

const halfBytes = 64 * 1024;
/** The database is written by nobody but the test. */
const idle = { bytes: Number.POSITIVE_INFINITY, ms: 1_000_000 };

async function withFaults(directory: string, full: { database: boolean; journal: boolean }, torn = 0) {
  const opened = await openDatabase(directory, halfBytes);
  const tables = fullDatabase(opened.tables, () => full.database);
  const file = fullFile(openJournalFile(directory, halfBytes * 2), () => full.journal, torn);
  const journal = new Journal(file, tables.meta.get('database')!, tables.meta.get('journal')!, halfBytes);
  return new LmdbStore({ ...opened, tables, journal }, { directory, backlog: idle });
}

const refused = (error: unknown): boolean =>
  isStatus(error, 'ServiceUnavailable') && /the disk is full/.test(error.message);

const valuesIn = async (store: Store): Promise<unknown[]> =>
  (await store.changesSince('pods', 1)).changes.map(({ object: after, previous }) => [
    after['value'],
    previous?.['value'],
  ]);

// How much of the refused record got to the disk: nothing, a part, all of it.
for (const torn of [0, 20, 100, 100_000]) {
  test(`a full disk refuses a write by name, and the store goes on from what it has (${torn} bytes written)`, () =>
    inDirectory(async (directory) => {
      const full = { database: false, journal: false };
      const store = await withFaults(directory, full, torn);
      const before = await put(store, 'before', 'absent');
      assert.ok(before.ok);
      full.database = full.journal = true;
      const failing = [put(store, 1, before.revision), put(store, 2, before.revision)];
      for (const write of failing) await assert.rejects(write, refused);
      assert.equal((await store.get('pods', key))?.object['value'], 'before');
      assert.equal(await store.head('pods'), before.revision);
      full.database = false;
      // The journal is still full: the database takes the write by itself.
      const through = await put(store, 'through', before.revision);
      assert.deepEqual(through, { ok: true, revision: before.revision + 1 });
      full.journal = false;
      const after = await put(store, 'after', before.revision + 1);
      assert.deepEqual(after, { ok: true, revision: before.revision + 2 });
      const all = [
        ['before', undefined],
        ['through', 'before'],
        ['after', 'through'],
      ];
      assert.deepEqual(await valuesIn(store), all);
      // As a kill would leave it.
      const copy = `${directory}-copy`;
      await cp(directory, copy, { recursive: true });
      await store.close();
      for (const place of [copy, directory]) {
        const reopened = await openLmdbStore({ directory: place });
        assert.deepEqual(await valuesIn(reopened), all, place);
        await reopened.close();
      }
      await rm(copy, { recursive: true });
    }));
}

test('while the database is full the journal keeps acknowledging, until it is full too; a restart loses nothing', () =>
  inDirectory(async (directory) => {
    const full = { database: true, journal: false };
    const store = await withFaults(directory, full);
    const acknowledged: Revision[] = [];
    for (let standing: Revision | 'absent' = 'absent'; ; ) {
      const result: CommitResult | undefined = await put(store, 'x'.repeat(1_000), standing).catch((error) => {
        assert.ok(refused(error));
        return undefined;
      });
      if (!result) break;
      assert.ok(result.ok);
      standing = result.revision;
      acknowledged.push(standing);
    }
    assert.ok(acknowledged.length > 100, String(acknowledged.length));
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    const reopened = await openLmdbStore({ directory: copy });
    const { changes } = await reopened.changesSince('pods', 1);
    assert.deepEqual(
      changes.map(({ revision }) => revision),
      acknowledged,
    );
    await reopened.close();
    await rm(copy, { recursive: true });
    full.database = false;
    assert.ok((await put(store, 'again', acknowledged.at(-1)!)).ok);
    await store.close();
  }));

test('a kill after any write, with the database behind by any number of them, brings each back once', () =>
  inDirectory(async (directory) => {
    const store = await openLmdbStore({ directory, backlog: idle, journalHalfBytes: halfBytes });
    const expected: unknown[] = [];
    let standing: Revision | 'absent' = 'absent';
    for (let i = 0; i < 12; i++) {
      const result: CommitResult = await put(store, i, standing);
      assert.ok(result.ok);
      standing = result.revision;
      expected.push([i, i === 0 ? undefined : i - 1]);
      // Compaction waits for the database to have taken everything.
      if (i % 5 === 3) await store.compact();
      const copy = `${directory}-copy`;
      await cp(directory, copy, { recursive: true });
      // Killed again as soon as it was up: what was replayed once is not replayed twice.
      for (let life = 0; life < 2; life++) {
        const reopened = await openLmdbStore({ directory: copy });
        assert.deepEqual(await valuesIn(reopened), expected);
        assert.equal((await reopened.get('pods', key))?.revision, standing);
        await reopened.close();
      }
      await rm(copy, { recursive: true });
    }
    await store.close();
  }));

test('changes that the database has not taken yet are read with those that it has, in pieces too', () =>
  inDirectory(async (directory) => {
    const store = await openLmdbStore({ directory, backlog: idle });
    let standing: Revision | 'absent' = 'absent';
    for (let i = 0; i < 700; i++) {
      const result: CommitResult = await put(store, i, standing);
      assert.ok(result.ok);
      standing = result.revision;
      if (i === 350) await store.compact();
    }
    const read: unknown[] = [];
    for (let upTo = 1; ; ) {
      const page = await store.changesSince('pods', upTo, 90);
      if (page.changes.length === 0) break;
      read.push(...page.changes.map((change) => change.object['value']));
      upTo = page.upTo;
    }
    assert.deepEqual(
      read,
      Array.from({ length: 700 }, (_, i) => i),
    );
    await store.close();
  }));

test('a database of the first format, which had no journal, is opened and goes on', () =>
  inDirectory(async (directory) => {
    const { tables, close } = await openDatabase(directory);
    await writeBatches(tables, [{ sequence: 0, parts: [{ resource: 'pods', head: 7, rows: [] }] }]);
    for (const name of ['database', 'journal', 'journalHalf']) await tables.meta.remove(name);
    await tables.meta.put('format', 1);
    await close();
    await rm(join(directory, 'journal'));
    const store = await openLmdbStore({ directory });
    assert.deepEqual(await put(store, 1, 'absent'), { ok: true, revision: 8 });
    await store.close();
  }));

test('the journal of another database is not replayed', () =>
  inDirectory(async (directory) => {
    const store = await openLmdbStore({ directory, backlog: idle });
    await put(store, 1, 'absent');
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    await store.close();
    await rm(join(copy, 'data.mdb'));
    const fresh = await openLmdbStore({ directory: copy });
    assert.equal(await fresh.get('pods', key), undefined);
    await fresh.close();
    await rm(copy, { recursive: true });
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
