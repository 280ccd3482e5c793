import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hub } from '../core/store/hub.ts';
import { MemoryStore } from '../core/store/memory.ts';
import type { Resource, Store } from '../core/store/store.ts';
import { startDoorbells } from './doorbell.ts';

async function add(store: Store, resource: Resource, name: string, spec = {}): Promise<void> {
  const key = { namespace: resource === 'nodes' ? '' : 'default', name };
  const object = { apiVersion: 'v1', kind: 'Any', metadata: key, spec };
  assert.ok((await store.commit({ op: 'put', resource, key, object, expected: 'absent' })).ok);
}

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Doorbells of two nodes; every pod names its node in its spec. `calls` are answered by `answer`. */
async function cluster() {
  const store = new MemoryStore();
  for (const name of ['n1', 'n2']) await add(store, 'nodes', name);
  const calls: string[] = [];
  const waiting: (() => void)[] = [];
  const stop = await startDoorbells({
    store,
    hub: new Hub(store),
    log: () => undefined,
    nodesOf: async (_resource, changes) =>
      changes.map(({ object }) => (object['spec'] as { node: string }).node).filter(Boolean),
    ring(node) {
      calls.push(node.metadata.name ?? '');
      return new Promise((resolve) => waiting.push(resolve));
    },
  });
  return { store, calls, stop, answer: () => waiting.shift()?.() };
}

test('a change rings the doorbell of the node that it concerns', async () => {
  const { store, calls, stop } = await cluster();
  await add(store, 'pods', 'a', { node: 'n2' });
  await turns();
  assert.deepEqual(calls, ['n2']);
  stop();
});

test('many changes while a call is under way become one more call', async () => {
  const { store, calls, stop, answer } = await cluster();
  for (const name of ['a', 'b', 'c', 'd']) {
    await add(store, 'pods', name, { node: 'n1' });
    await turns();
  }
  assert.deepEqual(calls, ['n1']);
  answer();
  await turns();
  assert.deepEqual(calls, ['n1', 'n1']);
  answer();
  await turns();
  assert.equal(calls.length, 2);
  stop();
});

test('a node that does not answer keeps no other from being rung', async () => {
  const { store, calls, stop } = await cluster();
  await add(store, 'pods', 'a', { node: 'n1' });
  await add(store, 'pods', 'b', { node: 'n2' });
  await turns();
  assert.deepEqual(calls, ['n1', 'n2']);
  stop();
});

test('a node that is not there is not rung, and after the stop nobody is', async () => {
  const { store, calls, stop } = await cluster();
  await add(store, 'pods', 'a', { node: 'n9' });
  await turns();
  stop();
  await add(store, 'pods', 'b', { node: 'n1' });
  await turns();
  assert.deepEqual(calls, []);
});
