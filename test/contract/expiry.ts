// What the log no longer holds, and what a store holds after it was closed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../../core/store/hub.ts';
import type { Change } from '../../core/store/store.ts';
import { RevisionExpired } from '../../core/store/store.ts';
import type { MakeSubject, Story } from './subject.ts';
import { at, put, remove, shown, told } from './subject.ts';

export function expiry(story: Story, make: MakeSubject): void {
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
    let hear = (): void => {};
    const heard = new Promise<void>((resolve) => (hear = resolve));
    const onChanges = (changes: readonly Change[]): void => {
      live.push(...changes);
      if (live.length > 0) hear();
    };
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
    await heard;
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

export function durability(story: Story): void {
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
