import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/objects.ts';
import { createWorld } from './fixture/world.ts';
import { createLister, type Index } from './lister.ts';

const pod = (name: string, node = '', uid = name): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name, uid },
  spec: { nodeName: node, containers: [] },
});
const byNode: Index = { name: 'node', keys: (object) => [(object['spec'] as { nodeName: string }).nodeName] };
const names = (objects: readonly KubeObject[]): string[] => objects.map(({ metadata }) => metadata.name ?? '').sort();

test('a write of another API server is seen by the very next read', async () => {
  const world = await createWorld({ empty: true });
  const lister = createLister(world.store);
  assert.deepEqual(await lister.list('pods'), []);
  await world.put('pods', pod('a', 'n1'));
  assert.deepEqual(names(await lister.list('pods', 'shop')), ['a']);
  await world.put('pods', pod('a', 'n2'));
  assert.deepEqual(names(await lister.by('pods', byNode, 'n2')), ['a']);
  await world.put('pods', pod('a', 'n3'));
  assert.deepEqual(names(await lister.by('pods', byNode, 'n2')), []);
  assert.deepEqual(names(await lister.by('pods', byNode, 'n3')), ['a']);
  await world.remove('pods', 'shop', 'a');
  assert.deepEqual(await lister.list('pods', 'shop'), []);
});

test('a read that begins while another catches up does not settle for what that one saw', async () => {
  const world = await createWorld({ empty: true });
  const lister = createLister(world.store);
  await lister.list('pods');
  const early = lister.list('pods');
  await world.put('pods', pod('late'));
  const [, after] = await Promise.all([early, lister.list('pods')]);
  assert.deepEqual(names(after), ['late']);
});

test('an unmoved resource costs one look at its head', async () => {
  const world = await createWorld({ empty: true });
  await world.put('pods', pod('a'));
  const calls: string[] = [];
  const counting = new Proxy(world.store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  const lister = createLister(counting);
  await lister.list('pods');
  calls.length = 0;
  await lister.list('pods');
  assert.deepEqual(calls, ['head']);
});

test('a view whose place in the log has expired lists anew', async () => {
  const world = await createWorld({ empty: true });
  await world.put('pods', pod('a'));
  const lister = createLister(world.store);
  let listed = 0;
  lister.observe('pods', { listed: () => listed++, changed: () => undefined });
  await lister.list('pods');
  for (let i = 0; i < 20_000; i++) await world.put('pods', pod('b', `n${i}`));
  assert.deepEqual(names(await lister.list('pods')), ['a', 'b']);
  assert.ok(listed >= 1);
});
