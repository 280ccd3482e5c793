// The contract of the store port: every driver runs it (memory.test.ts, lmdb.test.ts), so that the API server never needs to
// know which one it has.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import type { LogLimits } from '../../core/store/change-log.ts';
import { Hub } from '../../core/store/hub.ts';
import type { Change, CommitResult, Revision, Store, StoredObject } from '../../core/store/store.ts';
import { RevisionAhead, RevisionExpired } from '../../core/store/store.ts';

export interface Subject {
  store: Store;
  /** Has the driver drop changes that its limits no longer cover. */
  expire(): Promise<void>;
  /** Closes the store and opens it again on the same data; undefined for a store that keeps none. */
  reopen?(): Promise<Store>;
  dispose(): Promise<void>;
}

export interface SubjectOptions {
  now?: () => number;
  limits?: Partial<LogLimits>;
}

export type MakeSubject = (options?: SubjectOptions) => Promise<Subject>;

const at = (name: string, namespace = 'default'): ObjectKey => ({ namespace, name });

export const objectAt = (key: ObjectKey, value: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: key.namespace, name: key.name },
  data: { value },
});

const dataOf = (object: KubeObject | undefined): unknown => (object?.['data'] as { value: unknown } | undefined)?.value;

async function put(store: Store, key: ObjectKey, value: unknown, expected: Revision | 'absent'): Promise<Revision> {
  const result = await store.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, value), expected });
  assert.ok(result.ok, `${key.name} was refused`);
  return result.revision;
}

async function remove(store: Store, key: ObjectKey, expected: Revision): Promise<Revision> {
  const standing = await store.get('configmaps', key);
  const object = standing?.object ?? objectAt(key, 'unknown');
  const result = await store.commit({ op: 'delete', resource: 'configmaps', key, object, expected });
  assert.ok(result.ok, `the deletion of ${key.name} was refused`);
  return result.revision;
}

const refusedBy = (result: CommitResult): StoredObject | undefined => {
  assert.equal(result.ok, false);
  return (result as Extract<CommitResult, { ok: false }>).current;
};

const shown = (items: readonly StoredObject[]): unknown[] =>
  items.map(({ object }) => [object.metadata.name, dataOf(object)]);
const told = (changes: readonly Change[]): unknown[] =>
  changes.map(({ type, key, object, previous }) => [type, key.name, dataOf(object), dataOf(previous)]);

export function storeContract(name: string, make: MakeSubject): void {
  const story = (title: string, body: (subject: Subject) => Promise<void>, options?: SubjectOptions): void => {
    test(title, async () => {
      const subject = await make(options);
      try {
        await body(subject);
      } finally {
        await subject.dispose();
      }
    });
  };
  describe(`the store contract: ${name}`, () => {
    conditions(story);
    lists(story);
    changes(story);
    expiry(story, make);
    durability(story);
  });
}

type Story = (title: string, body: (subject: Subject) => Promise<void>, options?: SubjectOptions) => void;

function conditions(story: Story): void {
  story('what was never written is not there', async ({ store }) => {
    assert.equal(await store.get('configmaps', at('a')), undefined);
    assert.deepEqual((await store.list('configmaps')).items, []);
  });

  story('a write is read back with the revision it was acknowledged with', async ({ store }) => {
    const revision = await put(store, at('a'), 1, 'absent');
    const stored = await store.get('configmaps', at('a'));
    assert.equal(stored?.revision, revision);
    assert.deepEqual(stored?.object, objectAt(at('a'), 1));
  });

  story('a create with the name taken is refused, and told what stands there', async ({ store }) => {
    const revision = await put(store, at('a'), 1, 'absent');
    const commit = { op: 'put', resource: 'configmaps', key: at('a'), object: objectAt(at('a'), 2) } as const;
    const current = refusedBy(await store.commit({ ...commit, expected: 'absent' }));
    assert.equal(current?.revision, revision);
    assert.equal(dataOf(current?.object), 1);
    assert.equal(await store.head('configmaps'), revision);
  });

  story('an update of a version that is gone is refused and changes nothing', async ({ store }) => {
    const first = await put(store, at('a'), 1, 'absent');
    const second = await put(store, at('a'), 2, first);
    const commit = { op: 'put', resource: 'configmaps', key: at('a'), object: objectAt(at('a'), 3) } as const;
    assert.equal(refusedBy(await store.commit({ ...commit, expected: first }))?.revision, second);
    assert.equal(dataOf((await store.get('configmaps', at('a')))?.object), 2);
  });

  story('an update or a deletion of what is not there is refused with nothing to show', async ({ store }) => {
    const commit = { resource: 'configmaps', key: at('a'), object: objectAt(at('a'), 1), expected: 7 } as const;
    assert.equal(refusedBy(await store.commit({ op: 'put', ...commit })), undefined);
    assert.equal(refusedBy(await store.commit({ op: 'delete', ...commit })), undefined);
  });

  story('of many writers on one version exactly one wins', async ({ store }) => {
    const revision = await put(store, at('a'), 0, 'absent');
    const key = at('a');
    const attempts = Array.from({ length: 20 }, (_, i) =>
      store.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, i + 1), expected: revision }),
    );
    const results = await Promise.all(attempts);
    assert.equal(results.filter(({ ok }) => ok).length, 1);
    const winner = results.findIndex(({ ok }) => ok) + 1;
    for (const result of results) if (!result.ok) assert.equal(dataOf(result.current?.object), winner);
  });

  story('a deleted name may be taken again, and the old version cannot come back', async ({ store }) => {
    const first = await put(store, at('a'), 1, 'absent');
    const removed = await remove(store, at('a'), first);
    const second = await put(store, at('a'), 2, 'absent');
    assert.ok(first < removed && removed < second);
    const stale = {
      op: 'put',
      resource: 'configmaps',
      key: at('a'),
      object: objectAt(at('a'), 3),
      expected: first,
    } as const;
    assert.equal(refusedBy(await store.commit(stale))?.revision, second);
  });

  story('each resource counts its own revisions', async ({ store }) => {
    const before = await store.head('secrets');
    await put(store, at('a'), 1, 'absent');
    assert.equal(await store.head('secrets'), before);
    assert.equal(await store.get('secrets', at('a')), undefined);
  });

  story('revisions begin above 0, which means something else to clients', async ({ store }) => {
    assert.ok((await store.head('configmaps')) > 0);
    assert.ok((await store.list('configmaps')).revision > 0);
  });

  story('what was handed in or out cannot be written into', async ({ store }) => {
    const object = objectAt(at('a'), 1);
    await store.commit({ op: 'put', resource: 'configmaps', key: at('a'), object, expected: 'absent' });
    assert.throws(() => Object.assign(object.metadata, { name: 'b' }), TypeError);
    const stored = await store.get('configmaps', at('a'));
    assert.throws(() => Object.assign(stored?.object as object, { data: {} }), TypeError);
  });
}

function lists(story: Story): void {
  story('a list is in order of namespace and name, as etcd orders keys', async ({ store }) => {
    for (const [namespace, name] of [
      ['b', 'x'],
      ['a', 'z'],
      ['a-b', 'c'],
      ['a', 'b'],
    ] as const) {
      await put(store, at(name, namespace), 0, 'absent');
    }
    const { items } = await store.list('configmaps');
    const keys = items.map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`);
    assert.deepEqual(keys, ['a-b/c', 'a/b', 'a/z', 'b/x']);
  });

  story('a list of one namespace holds nothing of another', async ({ store }) => {
    for (const namespace of ['a', 'a-b', 'ab', 'b']) await put(store, at('x', namespace), namespace, 'absent');
    assert.deepEqual(shown((await store.list('configmaps', { namespace: 'a' })).items), [['x', 'a']]);
    assert.deepEqual((await store.list('configmaps', { namespace: 'none' })).items, []);
  });

  story('pages join to the whole, and say how much is left', async ({ store }) => {
    for (let i = 0; i < 7; i++) await put(store, at(`o${i}`), i, 'absent');
    const first = await store.list('configmaps', { limit: 3 });
    const second = await store.list('configmaps', { limit: 3, continueFrom: first.next! });
    const third = await store.list('configmaps', { limit: 3, continueFrom: second.next! });
    assert.deepEqual([first.remaining, second.remaining, third.remaining], [4, 1, undefined]);
    assert.equal(third.next, undefined);
    const names = [first, second, third].flatMap(({ items }) => items.map(({ object }) => object.metadata.name));
    assert.deepEqual(names, ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6']);
  });

  story('a page that ends with the last object names no next one', async ({ store }) => {
    for (let i = 0; i < 4; i++) await put(store, at(`o${i}`), i, 'absent');
    const first = await store.list('configmaps', { limit: 2 });
    const second = await store.list('configmaps', { limit: 2, continueFrom: first.next! });
    assert.equal(second.items.length, 2);
    assert.equal(second.next, undefined);
  });

  story('later pages show the revision of the first, whatever is written between them', async ({ store }) => {
    const revisions = [];
    for (let i = 0; i < 6; i++) revisions.push(await put(store, at(`o${i}`), 'old', 'absent'));
    const first = await store.list('configmaps', { limit: 2 });
    await put(store, at('o3'), 'new', revisions[3]!);
    await remove(store, at('o4'), revisions[4]!);
    await put(store, at('o35'), 'new', 'absent');
    const twice = await put(store, at('o5'), 'newer', revisions[5]!);
    await put(store, at('o5'), 'newest', twice);
    const second = await store.list('configmaps', { limit: 2, continueFrom: first.next! });
    const third = await store.list('configmaps', { limit: 2, continueFrom: second.next! });
    assert.deepEqual(shown([...second.items, ...third.items]), [
      ['o2', 'old'],
      ['o3', 'old'],
      ['o4', 'old'],
      ['o5', 'old'],
    ]);
    assert.deepEqual([second.revision, third.revision], [first.revision, first.revision]);
    assert.deepEqual([second.remaining, third.next], [2, undefined]);
  });

  story('an exact revision is shown as it was, with the revisions that its objects had', async ({ store }) => {
    const first = await put(store, at('a'), 1, 'absent');
    const other = await put(store, at('b'), 1, 'absent');
    await put(store, at('a'), 2, first);
    await remove(store, at('b'), other);
    const page = await store.list('configmaps', { exact: other });
    assert.deepEqual(shown(page.items), [
      ['a', 1],
      ['b', 1],
    ]);
    assert.deepEqual(
      page.items.map(({ revision }) => revision),
      [first, other],
    );
    assert.deepEqual(shown((await store.list('configmaps', { exact: first })).items), [['a', 1]]);
    assert.equal(page.revision, other);
  });

  story('a revision of the future is refused by name', async ({ store }) => {
    const head = await put(store, at('a'), 1, 'absent');
    await assert.rejects(store.list('configmaps', { exact: head + 1 }), RevisionAhead);
    await assert.rejects(store.changesSince('configmaps', head + 1), RevisionAhead);
  });
}

function changes(story: Story): void {
  story('the log tells every change once, in order, with the state before it', async ({ store }) => {
    const start = await store.head('configmaps');
    const first = await put(store, at('a'), 1, 'absent');
    const second = await put(store, at('a'), 2, first);
    await remove(store, at('a'), second);
    await put(store, at('a'), 3, 'absent');
    const page = await store.changesSince('configmaps', start);
    assert.deepEqual(told(page.changes), [
      ['ADDED', 'a', 1, undefined],
      ['MODIFIED', 'a', 2, 1],
      ['DELETED', 'a', 2, 2],
      ['ADDED', 'a', 3, undefined],
    ]);
    assert.equal(page.upTo, await store.head('configmaps'));
    const revisions = page.changes.map(({ revision }) => revision);
    assert.deepEqual(
      revisions,
      [...revisions].sort((a, b) => a - b),
    );
    assert.equal(new Set(revisions).size, 4);
  });

  story('a refused write leaves no trace in the log', async ({ store }) => {
    const first = await put(store, at('a'), 1, 'absent');
    const commit = { op: 'put', resource: 'configmaps', key: at('a'), object: objectAt(at('a'), 2) } as const;
    refusedBy(await store.commit({ ...commit, expected: 'absent' }));
    assert.deepEqual((await store.changesSince('configmaps', first)).changes, []);
  });

  story('the log is read in pieces without a gap or a repetition', async ({ store }) => {
    const start = await store.head('configmaps');
    for (let i = 0; i < 10; i++) await put(store, at(`o${i}`), i, 'absent');
    const seen: string[] = [];
    let upTo = start;
    for (let piece = 0; piece < 4; piece++) {
      const page = await store.changesSince('configmaps', upTo, 3);
      seen.push(...page.changes.map(({ key }) => key.name));
      upTo = page.upTo;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 10 }, (_, i) => `o${i}`),
    );
  });

  story('a list and a watch from its revision miss nothing and repeat nothing', async ({ store }) => {
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; i < 25; i++) {
        const key = at(`w${writer}-${i % 5}`);
        const standing = await store.get('configmaps', key);
        if (standing && i % 7 === 0) await remove(store, key, standing.revision);
        else await put(store, key, i, standing?.revision ?? 'absent');
      }
    });
    await Promise.race([writers[0], new Promise((resolve) => setImmediate(resolve))]);
    const page = await store.list('configmaps');
    const state = new Map(page.items.map(({ object, revision }) => [object.metadata.name, revision]));
    await Promise.all(writers);
    const rest = await store.changesSince('configmaps', page.revision);
    for (const { type, key, revision } of rest.changes) {
      assert.ok(revision > page.revision);
      if (type === 'DELETED') assert.ok(state.delete(key.name));
      else state.set(key.name, revision);
    }
    const now = new Map(
      (await store.list('configmaps')).items.map((item) => [item.object.metadata.name, item.revision]),
    );
    assert.deepEqual([...state].sort(), [...now].sort());
  });

  story('a listener is told when the head has moved', async ({ store }) => {
    const heads: Promise<Revision>[] = [];
    const once = new Promise<void>((resolve) => {
      const stop = store.onChange((resource) => {
        assert.equal(resource, 'configmaps');
        heads.push(store.head(resource));
        stop();
        resolve();
      });
    });
    const revision = await put(store, at('a'), 1, 'absent');
    await once;
    assert.equal(await heads[0], revision);
    await put(store, at('b'), 1, 'absent');
    assert.equal(heads.length, 1);
  });

  story('a thousand watchers of a hub see the same changes in the same order', async ({ store }) => {
    const hub = new Hub(store);
    const start = await store.head('configmaps');
    const seen = Array.from({ length: 1_000 }, () => [] as Change[]);
    const last = start + 30;
    let finish: () => void;
    const allDone = new Promise<void>((resolve) => (finish = resolve));
    let behind = seen.length;
    for (const [i, list] of seen.entries()) {
      if (i === 500) await put(store, at('o0'), 0, 'absent');
      await hub.subscribe('configmaps', start, {
        onChanges(changes, upTo) {
          list.push(...changes);
          if (upTo === last && --behind === 0) finish();
        },
        onEnd: (error) => assert.equal(error, undefined),
      });
    }
    for (let i = 1; i < 30; i++) await put(store, at(`o${i}`), i, 'absent');
    await allDone;
    const expected = Array.from({ length: 30 }, (_, i) => `o${i}`);
    for (const list of seen)
      assert.deepEqual(
        list.map(({ key }) => key.name),
        expected,
      );
    // The same objects, so that their serialised form is made once. Those who read back may hold others.
    for (const list of seen) for (let i = 1; i < 30; i++) assert.equal(list[i]?.object, seen[0]?.[i]?.object);
    hub.close();
  });

  story('a reader of a hub that comes late reads on from the log', async ({ store }) => {
    const hub = new Hub(store);
    const start = await store.head('configmaps');
    const follower = hub.follow('configmaps', start);
    const first = follower.next();
    await put(store, at('a'), 1, 'absent');
    assert.deepEqual(told((await first).value?.changes ?? []), [['ADDED', 'a', 1, undefined]]);
    for (let i = 0; i < 5; i++) await put(store, at(`o${i}`), i, 'absent');
    const names: string[] = [];
    while (names.length < 5) names.push(...((await follower.next()).value?.changes ?? []).map(({ key }) => key.name));
    assert.deepEqual(names, ['o0', 'o1', 'o2', 'o3', 'o4']);
    const pending = follower.next();
    hub.close();
    assert.equal((await pending).done, true);
  });
}

function expiry(story: Story, make: MakeSubject): void {
  story(
    'changes beyond the count are gone, and asking for them says so',
    async ({ store, expire }) => {
      const start = await store.head('configmaps');
      for (let i = 0; i < 40; i++) await put(store, at(`o${i}`), i, 'absent');
      await expire();
      const head = await store.head('configmaps');
      await assert.rejects(store.changesSince('configmaps', start), (error) => {
        assert.ok(error instanceof RevisionExpired);
        assert.ok(error.oldest > start && error.oldest <= head - 10);
        return true;
      });
      await assert.rejects(store.list('configmaps', { exact: start + 1 }), RevisionExpired);
      assert.equal((await store.changesSince('configmaps', head - 10)).changes.length, 10);
      assert.equal((await store.list('configmaps')).items.length, 40);
    },
    { limits: { maxChanges: 10 } },
  );

  test('changes beyond the age are gone, however few they are', async () => {
    let nowMs = 1_000;
    const { store, expire, dispose } = await make({ now: () => nowMs, limits: { maxAgeMs: 500 } });
    const start = await store.head('configmaps');
    const first = await put(store, at('a'), 1, 'absent');
    const second = await put(store, at('a'), 2, first);
    nowMs += 400;
    const third = await put(store, at('a'), 3, second);
    nowMs += 400;
    await expire();
    await assert.rejects(store.changesSince('configmaps', start), RevisionExpired);
    const { changes: kept } = await store.changesSince('configmaps', second);
    assert.deepEqual(told(kept), [['MODIFIED', 'a', 3, 2]]);
    await assert.rejects(store.list('configmaps', { exact: second }), RevisionExpired);
    assert.deepEqual(shown((await store.list('configmaps', { exact: third })).items), [['a', 3]]);
    const removed = await remove(store, at('a'), third);
    nowMs += 2_000;
    await expire();
    assert.ok((await put(store, at('a'), 4, 'absent')) > removed);
    await dispose();
  });

  test('when all changes have expired, old pages and revisions have too, but a watch from the last one goes on', async () => {
    let nowMs = 1_000;
    const { store, expire, dispose } = await make({ now: () => nowMs, limits: { maxAgeMs: 500 } });
    for (let i = 0; i < 4; i++) await put(store, at(`o${i}`), i, 'absent');
    const hub = new Hub(store);
    const page = await store.list('configmaps', { limit: 2 });
    const live: Change[] = [];
    const onChanges = (changes: readonly Change[]): void => void live.push(...changes);
    await hub.subscribe('configmaps', page.revision, { onChanges, onEnd: assert.ifError });
    nowMs += 1_000;
    await expire();
    await assert.rejects(store.list('configmaps', { limit: 2, continueFrom: page.next! }), RevisionExpired);
    await assert.rejects(store.list('configmaps', { exact: page.revision }), RevisionExpired);
    const now = await store.list('configmaps');
    assert.equal(now.items.length, 4);
    assert.ok(now.revision > page.revision);
    await expire();
    assert.equal(await store.head('configmaps'), now.revision, 'the head moves once, not with each look');
    assert.deepEqual(await store.changesSince('configmaps', page.revision), { changes: [], upTo: now.revision });
    const next = await put(store, at('o9'), 9, 'absent');
    assert.ok(next > now.revision);
    for (const since of [page.revision, now.revision]) {
      const { changes: told } = await store.changesSince('configmaps', since);
      assert.deepEqual(
        told.map(({ revision }) => revision),
        [next],
      );
    }
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      live.map(({ revision }) => revision),
      [next],
    );
    hub.close();
    await dispose();
  });

  test('a page that can no longer be shown says so', async () => {
    const { store, expire, dispose } = await make({ limits: { maxChanges: 5 } });
    for (let i = 0; i < 4; i++) await put(store, at(`o${i}`), i, 'absent');
    const page = await store.list('configmaps', { limit: 2 });
    for (let i = 0; i < 20; i++) await put(store, at(`p${i}`), i, 'absent');
    await expire();
    await assert.rejects(store.list('configmaps', { limit: 2, continueFrom: page.next! }), RevisionExpired);
    await dispose();
  });
}

function durability(story: Story): void {
  story('what was acknowledged is there after a reopening, log and revisions included', async (subject) => {
    if (!subject.reopen) return;
    const { store } = subject;
    const start = await store.head('configmaps');
    const first = await put(store, at('a'), 1, 'absent');
    await put(store, at('a'), 2, first);
    const other = await put(store, at('b'), 1, 'absent');
    const removed = await remove(store, at('b'), other);
    const again = await subject.reopen();
    assert.equal(await again.head('configmaps'), removed);
    assert.deepEqual(shown((await again.list('configmaps')).items), [['a', 2]]);
    assert.deepEqual(shown((await again.list('configmaps', { exact: other })).items), [
      ['a', 2],
      ['b', 1],
    ]);
    assert.deepEqual(told((await again.changesSince('configmaps', start)).changes), [
      ['ADDED', 'a', 1, undefined],
      ['MODIFIED', 'a', 2, 1],
      ['ADDED', 'b', 1, undefined],
      ['DELETED', 'b', 1, 1],
    ]);
    assert.ok((await put(again, at('b'), 2, 'absent')) > removed);
  });
}
