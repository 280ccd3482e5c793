import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualPorts } from '../core/client/fixture/manual-ports.ts';
import { Hub } from '../core/store/hub.ts';
import { MemoryStore } from '../core/store/memory.ts';
import type { Resource, Store } from '../core/store/store.ts';
import { turns } from '../test/turns.ts';
import { startDoorbells } from './doorbell.ts';

async function add(store: Store, resource: Resource, name: string, spec = {}): Promise<void> {
  const key = { namespace: resource === 'nodes' ? '' : 'default', name };
  const object = { apiVersion: 'v1', kind: 'Any', metadata: key, spec };
  assert.ok((await store.commit({ op: 'put', resource, key, object, expected: 'absent' })).ok);
}

/** Doorbells of two nodes; every pod names its node in its spec. `calls` are answered by `answer`. */
async function cluster() {
  const store = new MemoryStore();
  for (const name of ['n1', 'n2']) await add(store, 'nodes', name);
  const calls: string[] = [];
  const waiting: (() => void)[] = [];
  const { clock, pass } = manualPorts();
  const stop = await startDoorbells({
    store,
    hub: new Hub(store),
    clock,
    log: () => undefined,
    nodesOf: async (_resource, changes) =>
      changes.map(({ object }) => (object['spec'] as { node: string }).node).filter(Boolean),
    ring(node) {
      calls.push(node.metadata.name ?? '');
      return new Promise((resolve) => waiting.push(resolve));
    },
  });
  return { store, calls, stop, pass, answer: () => waiting.shift()?.() };
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

/** A hub whose subscriptions the test ends, and a bell that fails as often as it is told. */
async function fragile(failures: number) {
  const store = new MemoryStore();
  await add(store, 'nodes', 'n1');
  const inner = new Hub(store);
  const ends: ((error: unknown) => void)[] = [];
  const calls: string[] = [];
  const hub = {
    subscribe: (resource: Resource, since: number, handlers: Parameters<Hub['subscribe']>[2]) => {
      if (resource === 'pods') ends.push(handlers.onEnd);
      return inner.subscribe(resource, since, handlers);
    },
  } as unknown as Hub;
  const stop = await startDoorbells({
    store,
    hub,
    clock: manualPorts().clock,
    log: () => undefined,
    nodesOf: async (_resource, changes) =>
      changes.map(({ object }) => (object['spec'] as { node: string }).node).filter(Boolean),
    async ring(node) {
      calls.push(node.metadata.name ?? '');
      if (calls.length <= failures) throw new Error('socket hang up');
    },
  });
  return { store, calls, stop, ends };
}

test('a bell that meets a closing connection is rung once more, and not for ever', async () => {
  const once = await fragile(1);
  await add(once.store, 'pods', 'a', { node: 'n1' });
  await turns();
  assert.deepEqual(once.calls, ['n1', 'n1']);
  once.stop();
  const dead = await fragile(100);
  await add(dead.store, 'pods', 'a', { node: 'n1' });
  await turns();
  assert.equal(dead.calls.length, 2);
  dead.stop();
});

test('a reader that fell behind begins anew and rings every node', async () => {
  const { store, calls, stop, ends } = await fragile(0);
  ends[0]?.(new Error('the oldest revision that the log holds is 9'));
  await turns();
  assert.deepEqual(calls, ['n1']);
  await add(store, 'pods', 'a', { node: 'n1' });
  await turns();
  // Once by the subscription that the test only pretended to end, and by the new one.
  assert.ok(calls.length > 1);
  stop();
});

test('a service rings every node at once, and many changes of endpoints in a row make one more round', async () => {
  const { store, calls, stop, answer, pass } = await cluster();
  await add(store, 'services', 'web');
  await turns();
  assert.deepEqual(calls.splice(0).sort(), ['n1', 'n2']);
  answer();
  answer();
  for (let i = 0; i < 5; i++) {
    await add(store, 'endpointslices.discovery.k8s.io', `web-${i}`);
    await turns();
  }
  assert.deepEqual(calls, []);
  pass(54);
  await turns();
  assert.deepEqual(calls.splice(0).sort(), ['n1', 'n2']);
  answer();
  answer();
  await turns();
  pass(1000);
  await turns();
  assert.deepEqual(calls, [], 'nothing more was wished');
  stop();
});
