// A commit happens under its condition or not at all.
import assert from 'node:assert/strict';
import type { Story } from './subject.ts';
import { at, dataOf, objectAt, put, refusedBy, remove } from './subject.ts';

export function conditions(story: Story): void {
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

  story('a create refused in the moment in which the name is freed is told what refused it', async ({ store }) => {
    const revision = await put(store, at('a'), 1, 'absent');
    const commit = { resource: 'configmaps', key: at('a'), object: objectAt(at('a'), 2) } as const;
    const [created, removed] = await Promise.all([
      store.commit({ op: 'put', ...commit, expected: 'absent' }),
      store.commit({ op: 'delete', ...commit, expected: revision }),
    ]);
    // Either may come first; that nothing was in the way of a create that was refused may not be.
    assert.ok(removed.ok);
    if (!created.ok) assert.equal(created.current?.revision, revision);
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
