// What each verb costs in capacity units, as docs/decisions/0006-dynamodb-layout.md says, by what DynamoDB itself tells it consumed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { typicalObjects } from '../../aws/dynamo/fixture/objects.ts';
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import { keyOf } from '../../core/api/objects.ts';
import type { Resource, Revision, Store } from '../../core/store/store.ts';
import type { Lab } from './dynamo-lab.ts';
import { openLab } from './dynamo-lab.ts';
import type { DynamoDbLocal } from './dynamodb-local.ts';
import { startDynamoDbLocal } from './dynamodb-local.ts';

let server: DynamoDbLocal;
let lab: Lab;
before(async () => {
  server = await startDynamoDbLocal();
  lab = await openLab(server);
});
after(async () => {
  await lab.close();
  await server.stop();
});

const { pod, deployment, lease } = typicalObjects();

async function put(store: Store, resource: Resource, object: KubeObject, expected: Revision | 'absent' = 'absent') {
  const result = await store.commit({ op: 'put', resource, key: keyOf(object), object, expected });
  assert.ok(result.ok);
  return result.revision;
}

async function remove(store: Store, resource: Resource, key: ObjectKey, expected: Revision): Promise<void> {
  const { object } = (await store.get(resource, key))!;
  lab.spent();
  assert.ok((await store.commit({ op: 'delete', resource, key, object, expected })).ok);
}

/** Read units of what was done since the last look, and write units as DynamoDB Local counts them. */
function assertSpent(what: string, read: number, write: number): void {
  const spent = lab.spent();
  assert.deepEqual([spent.read, spent.write], [read, write], `${what}: ${spent.requests.join(', ')}`);
}

/**
 * A write: one read, one unit for its revision, and two for each item of its transaction, all of which are below 1 KB (encode.test.ts).
 * DynamoDB rounds each item up by itself; DynamoDB Local rounds the items of a table together, so a third one seems free there.
 */
function assertWritten(what: string, items: number, units: number): void {
  const spent = lab.spent();
  assert.deepEqual(spent.requests, ['GetItem', 'UpdateItem', 'TransactWriteItems'], what);
  assert.deepEqual([spent.read, spent.write, spent.items], [1, 5, items], what);
  assert.equal(1 + 2 * items, units, what);
}

test('a write costs one read and five write units; seven when a pod comes to a node or leaves it', async () => {
  const store = lab.open();
  lab.spent();
  const created = await put(store, 'deployments.apps', deployment);
  assertWritten('create', 2, 5);
  const updated = await put(store, 'deployments.apps', { ...deployment, status: {} }, created);
  assertWritten('update', 2, 5);
  await remove(store, 'deployments.apps', keyOf(deployment), updated);
  assertWritten('delete', 2, 5);

  const { nodeName: _nodeName, ...spec } = pod['spec'] as { nodeName: string };
  const pending = await put(store, 'pods', { ...pod, spec });
  assertWritten('create a pod', 2, 5);
  const bound = await put(store, 'pods', pod, pending);
  assertWritten('bind a pod', 3, 7);
  const running = await put(store, 'pods', { ...pod, status: { phase: 'Running' } }, bound);
  assertWritten('status of a pod', 2, 5);
  await remove(store, 'pods', keyOf(pod), running);
  assertWritten('delete a pod', 3, 7);

  const first = await put(store, 'leases.coordination.k8s.io', lease);
  lab.spent();
  await put(store, 'leases.coordination.k8s.io', { ...lease, spec: {} }, first);
  assertWritten('renew a lease', 2, 5);
});

test('a refused write costs what was read', async () => {
  const store = lab.open();
  await put(store, 'configmaps', { ...deployment, kind: 'ConfigMap' });
  lab.spent();
  const again = { op: 'put', resource: 'configmaps', key: keyOf(deployment), object: deployment } as const;
  assert.equal((await store.commit({ ...again, expected: 'absent' })).ok, false);
  assertSpent('refused', 1, 0);
});

test('reads cost by 4 KB: an object one unit, a list its compressed size, an unmoved resource one', async () => {
  const store = lab.open();
  const count = 40;
  const created: Promise<Revision>[] = [];
  for (let i = 0; i < count; i++) {
    const object = { ...pod, metadata: { ...pod.metadata, namespace: 'many', name: `p${i}` } };
    created.push(put(store, 'pods', object));
  }
  await Promise.all(created);
  const head = await store.head('pods');
  lab.spent();
  await store.get('pods', { namespace: 'many', name: 'p1' });
  assertSpent('get', 1, 0);
  await store.changesSince('pods', head);
  assertSpent('look whether anything changed', 1, 0);
  await store.head('pods');
  assertSpent('head', 1, 0);
  // The counter, and four shards of about 10 pods of 560 bytes (and the tombstone of a pod of the story before).
  await store.list('pods');
  const listed = lab.spent();
  assert.ok(listed.read >= 1 + 4 && listed.read <= 1 + Math.ceil((count * 600) / 4_096) + 4, JSON.stringify(listed));
  assert.deepEqual(listed.requests.toSorted(), ['GetItem', 'Query', 'Query', 'Query', 'Query']);
  assert.equal(listed.write, 0);
});

test('the pods of a node cost a unit each, and three for finding them', async () => {
  const store = lab.open();
  const onNode = { ...pod, spec: { ...(pod['spec'] as object), nodeName: 'other' } };
  for (let i = 0; i < 3; i++) {
    await put(store, 'pods', { ...onNode, metadata: { ...pod.metadata, namespace: 'few', name: `p${i}` } });
  }
  await store.head('pods');
  lab.spent();
  assert.equal((await store.list('pods', { index: { name: 'node', value: 'other' } })).items.length, 3);
  assertSpent('pods of a node', 3 + 3, 0);
  assert.equal((await store.list('pods', { index: { name: 'node', value: 'none' } })).items.length, 0);
  // DynamoDB Local counts a Query that finds nothing as nothing; DynamoDB as one.
  assertSpent('pods of an empty node', 2, 0);
});

test('a poll of all resources for those who watch costs one request', async () => {
  const store = lab.open({ pollMs: 1 });
  lab.spent();
  await new Promise<void>((resolve) => {
    const stop = store.onChange(() => {
      stop();
      resolve();
    });
  });
  const { read, write, requests } = lab.spent();
  assert.deepEqual([read / requests.length, write, new Set(requests)], [1, 0, new Set(['Query'])]);
});

test('caches that catch up together read all counters by one Query', async () => {
  const store = lab.open();
  const moved = [await store.head('pods'), await store.head('deployments.apps')];
  lab.spent();
  const heads = await Promise.all(
    ['pods', 'deployments.apps', 'services', 'untouched'].map((each) => store.head(each)),
  );
  assert.equal(heads.at(-1), 1);
  const { read, requests } = lab.spent();
  assert.deepEqual(requests, ['Query']);
  assert.equal(read, 1);
  assert.deepEqual(heads.slice(0, 2), moved);
});
