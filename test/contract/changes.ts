// The log, and those who follow it.
import assert from 'node:assert/strict';
import { Hub } from '../../core/store/hub.ts';
import type { Change, Revision } from '../../core/store/store.ts';
import type { Story } from './subject.ts';
import { at, objectAt, put, refusedBy, remove, told } from './subject.ts';

export function changes(story: Story): void {
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
    let finish: () => void;
    const allDone = new Promise<void>((resolve) => (finish = resolve));
    let behind = seen.length;
    for (const [i, list] of seen.entries()) {
      if (i === 500) await put(store, at('o0'), 0, 'absent');
      await hub.subscribe('configmaps', start, {
        onChanges(changes) {
          const isBehind = list.length < 30;
          list.push(...changes);
          if (isBehind && list.length >= 30 && --behind === 0) finish();
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
