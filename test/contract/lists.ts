// A list shows one revision: the head, a page's, or an exact one.
import assert from 'node:assert/strict';
import { RevisionAhead } from '../../core/store/store.ts';
import type { Story } from './subject.ts';
import { at, put, remove, shown } from './subject.ts';

export function lists(story: Story): void {
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

  story('pages join to the whole, and say how much is left', async ({ store, countsRemaining }) => {
    for (let i = 0; i < 7; i++) await put(store, at(`o${i}`), i, 'absent');
    const first = await store.list('configmaps', { limit: 3 });
    const second = await store.list('configmaps', { limit: 3, continueFrom: first.next! });
    const third = await store.list('configmaps', { limit: 3, continueFrom: second.next! });
    const remaining = [first, second, third].map((page) => page.remaining);
    assert.deepEqual(remaining, countsRemaining ? [4, 1, undefined] : [undefined, undefined, undefined]);
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

  story(
    'later pages show the revision of the first, whatever is written between them',
    async ({ store, countsRemaining }) => {
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
      assert.deepEqual([second.remaining, third.next], [countsRemaining ? 2 : undefined, undefined]);
    },
  );

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
