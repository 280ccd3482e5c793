// What DynamoDB adds to the store contract: large objects, shards, the index of pods by node, many processes, and its stream.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { paginateQuery } from '@aws-sdk/client-dynamodb';
import type { DynamoStore } from '../../aws/dynamo/store.ts';
import { changesOfRecords } from '../../aws/dynamo/stream.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Revision, StoredObject } from '../../core/store/store.ts';
import { checkLog, checkWatcher } from '../simulation/history.ts';
import { seeded, seedOfRun } from '../simulation/random.ts';
import { simulated, Workload } from '../simulation/workload.ts';
import type { Lab } from './dynamo-lab.ts';
import { openLab } from './dynamo-lab.ts';
import { readStream } from './dynamo-stream.ts';
import type { DynamoDbLocal } from './dynamodb-local.ts';
import { startDynamoDbLocal } from './dynamodb-local.ts';

let server: DynamoDbLocal;
before(async () => {
  server = await startDynamoDbLocal();
});
after(() => server.stop());

function story(title: string, body: (lab: Lab, log: (line: string) => void) => Promise<void>): void {
  test(title, async (t) => {
    const lab = await openLab(server);
    try {
      await body(lab, (line) => t.diagnostic(line));
    } finally {
      await lab.close();
    }
  });
}

const key = (name: string, namespace = 'default') => ({ namespace, name });
const configMap = (name: string, data: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name },
  data,
});

async function put(
  store: DynamoStore,
  resource: string,
  object: KubeObject,
  expected: Revision | 'absent' = 'absent',
): Promise<Revision> {
  const { namespace = '', name = '' } = object.metadata;
  const result = await store.commit({ op: 'put', resource, key: { namespace, name }, object, expected });
  assert.ok(result.ok, `${resource} ${name} was refused`);
  return result.revision;
}

const dataOf = (stored: StoredObject | undefined) => stored?.object['data'] as Record<string, string>;
const named = (items: readonly StoredObject[]) => items.map(({ object }) => object.metadata.name);

/** Cannot be compressed below what an item holds. */
const noise = () => randomBytes(420_000).toString('base64');

story('an object above the limit of an item is read back whole, and so is its history', async (lab) => {
  const store = lab.open();
  const texts = [noise(), noise()];
  const start = await store.head('configmaps');
  const first = await put(store, 'configmaps', configMap('a', { text: texts[0]! }));
  await put(store, 'configmaps', configMap('b', { text: 'small' }));
  const second = await put(store, 'configmaps', configMap('a', { text: texts[1]! }), first);
  // Another process, which has nothing in memory.
  const other = lab.open();
  assert.equal(dataOf(await other.get('configmaps', key('a')))['text'], texts[1]);
  assert.deepEqual(named((await other.list('configmaps')).items), ['a', 'b']);
  const exact = await other.list('configmaps', { exact: first });
  assert.equal(dataOf(exact.items[0])['text'], texts[0]);
  const { object } = (await other.get('configmaps', key('a')))!;
  const gone = await other.commit({ op: 'delete', resource: 'configmaps', key: key('a'), object, expected: second });
  assert.ok(gone.ok);
  const { changes } = await lab.open().changesSince('configmaps', start);
  const text = (state: KubeObject | undefined) => (state?.['data'] as { text: string } | undefined)?.text;
  assert.deepEqual(
    changes.map(({ type, object, previous }) => [type, text(object), text(previous)]),
    [
      ['ADDED', texts[0], undefined],
      ['ADDED', 'small', undefined],
      ['MODIFIED', texts[1], texts[0]],
      ['DELETED', texts[1], texts[1]],
    ],
  );
  assert.equal(await store.get('configmaps', key('a')), undefined);
});

story('parts of what was replaced or deleted get a time to go, those of what stands do not', async (lab) => {
  const store = lab.open();
  const first = await put(store, 'configmaps', configMap('a', { text: noise() }));
  const second = await put(store, 'configmaps', configMap('a', { text: noise() }), first);
  const parts = async () => {
    const input = {
      TableName: lab.tables.objectsTable,
      KeyConditionExpression: 'pk = :pk',
      ProjectionExpression: 'sk, #ttl',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: { ':pk': { S: 'configmaps#parts' } },
    };
    const found = new Set<string>();
    for await (const { Items = [] } of paginateQuery({ client: lab.client }, input))
      for (const { sk, ttl } of Items) found.add(`${sk!.S!.split('#')[1]} ${ttl ? 'goes' : 'stays'}`);
    return found;
  };
  assert.deepEqual(await parts(), new Set([`${first} goes`, `${second} stays`]));
  const { object } = (await store.get('configmaps', key('a')))!;
  const gone = await store.commit({ op: 'delete', resource: 'configmaps', key: key('a'), object, expected: second });
  assert.ok(gone.ok);
  assert.deepEqual(await parts(), new Set([`${first} goes`, `${second} goes`, `${gone.revision} goes`]));
});

story('a reader never sees parts of two versions together', async (lab) => {
  const version = (n: number) => configMap('a', { head: String(n), text: noise(), tail: String(n) });
  const writer = lab.open();
  let revision = await put(writer, 'configmaps', version(0));
  let done = false;
  const readers = [lab.open(), lab.open()].map(async (store) => {
    const seen = new Set<string>();
    while (!done) {
      const { head, tail } = dataOf(await store.get('configmaps', key('a'))) as { head: string; tail: string };
      assert.equal(head, tail);
      seen.add(head);
    }
    return seen.size;
  });
  for (let n = 1; n <= 6; n++) revision = await put(writer, 'configmaps', version(n), revision);
  done = true;
  for (const seen of await Promise.all(readers)) assert.ok(seen >= 1);
});

story('a name or an object that no item can hold is refused by name, and nothing is taken for it', async (lab) => {
  const store = lab.open();
  const head = await store.head('clusterroles.rbac.authorization.k8s.io');
  const long = { apiVersion: 'v1', kind: 'ClusterRole', metadata: { name: 'x'.repeat(1_100) } };
  await assert.rejects(put(store, 'clusterroles.rbac.authorization.k8s.io', long), { code: 400 });
  assert.equal(await store.get('clusterroles.rbac.authorization.k8s.io', key('x'.repeat(1_100), '')), undefined);
  const huge = configMap('a', { text: randomBytes(2_000_000).toString('base64') });
  await assert.rejects(put(store, 'configmaps', huge), { code: 413 });
  assert.equal(await store.head('clusterroles.rbac.authorization.k8s.io'), head);
  await put(store, 'configmaps', configMap('b', {}));
  for (const namespace of ['n'.repeat(1_100), undefined]) {
    const continueFrom = { after: key('x'.repeat(1_100), 'a'), revision: await store.head('configmaps') };
    const { items } = await store.list('configmaps', { ...(namespace ? { namespace } : {}), limit: 2, continueFrom });
    assert.deepEqual(named(items), namespace ? [] : ['b']);
  }
});

const pod = (name: string, namespace: string, node?: string, phase = 'Pending'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name },
  spec: node ? { nodeName: node } : {},
  status: { phase },
});

story('a sharded kind is listed in order, whole, by namespace and in pages', async (lab) => {
  const store = lab.open();
  const all = ['a', 'a-b', 'b'].flatMap((namespace) => Array.from({ length: 12 }, (_, i) => pod(`p${i}`, namespace)));
  await Promise.all(all.map((object) => put(store, 'pods', object)));
  const orders = (items: readonly StoredObject[]) =>
    items.map(({ object: { metadata } }) => `${metadata.namespace}/${metadata.name}`);
  const expected = orders(all.map((object) => ({ object, revision: 0 }))).sort();
  assert.deepEqual(orders((await store.list('pods')).items), expected);
  const inA = expected.filter((order) => order.startsWith('a/'));
  assert.deepEqual(orders((await store.list('pods', { namespace: 'a' })).items), inA);
  for (const [options, wanted] of [
    [{ limit: 5 }, expected],
    [{ limit: 5, namespace: 'a' }, inA],
  ] as const) {
    const seen: string[] = [];
    let page = await store.list('pods', options);
    for (;;) {
      assert.ok(page.items.length <= 5);
      seen.push(...orders(page.items));
      if (!page.next) break;
      page = await store.list('pods', { ...options, continueFrom: page.next });
    }
    assert.deepEqual(seen, wanted);
  }
});

story('the pods of a node are found by the node, while they are bound to it and no longer', async (lab) => {
  const store = lab.open();
  const onNode = async (value: string) =>
    named((await lab.open().list('pods', { index: { name: 'node', value } })).items);
  const a = await put(store, 'pods', pod('a', 'x'));
  await put(store, 'pods', pod('b', 'x', 'n1'));
  await put(store, 'pods', pod('c', 'y', 'n2'));
  assert.deepEqual(await onNode('n1'), ['b']);
  const bound = await put(store, 'pods', pod('a', 'x', 'n1'), a);
  assert.deepEqual(await onNode('n1'), ['a', 'b']);
  // Another process, which did not see the pod before: its status, then its end.
  const other = lab.open();
  const running = await put(other, 'pods', pod('a', 'x', 'n1', 'Running'), bound);
  const page = await lab.open().list('pods', { index: { name: 'node', value: 'n1' } });
  assert.deepEqual((page.items[0]!.object['status'] as { phase: string }).phase, 'Running');
  const object = pod('a', 'x', 'n1', 'Running');
  const gone = await lab
    .open()
    .commit({ op: 'delete', resource: 'pods', key: key('a', 'x'), object, expected: running });
  assert.ok(gone.ok);
  assert.deepEqual(await onNode('n1'), ['b']);
  assert.deepEqual(await onNode('n3'), []);
  await put(store, 'pods', pod('a', 'x', 'n3'));
  assert.deepEqual([await onNode('n1'), await onNode('n3')], [['b'], ['a']]);
});

story('of several processes that write at once no write is lost, and all watchers see the same', async (lab, log) => {
  const seed = seedOfRun();
  log(`SLIPWAY_SEED=${seed}`);
  const attempted = new Set<string>();
  const workloads = [1, 2, 3].map((n) => new Workload(lab.open({ pendingMs: 200 }), seeded(seed + n), attempted));
  await Promise.all(workloads.map((workload) => workload.run(8)));
  const acknowledged = workloads.flatMap((one) => one.acknowledged);
  for (const resource of simulated.resources) {
    const told = await checkLog(lab.open(), resource, 1, acknowledged, attempted);
    for (const { watched } of workloads)
      for (const one of watched) if (one.resource === resource) checkWatcher(one.saw, told, one.after, one.upTo);
    assert.equal(told.length, acknowledged.filter((write) => write.resource === resource).length);
  }
});

story('the stream of the change table tells every change, as the log does', async (lab) => {
  const store = lab.open();
  const start = await store.head('pods');
  const first = await put(store, 'pods', pod('a', 'x'));
  await put(store, 'pods', pod('a', 'x', 'n1'), first);
  await assert.rejects(put(store, 'pods', pod('a', 'x')), /refused/);
  await put(store, 'configmaps', configMap('a', { text: noise() }));
  const streamed = changesOfRecords(await readStream(lab, 3));
  const { changes } = await store.changesSince('pods', start);
  assert.deepEqual(
    streamed.filter(({ resource }) => resource === 'pods').map(({ change }) => change),
    changes.map(({ previous: _previous, ...change }) => change),
  );
  // An object in parts: the log has moved, and no more is said.
  const large = streamed.filter(({ resource }) => resource === 'configmaps');
  assert.deepEqual(
    large.map(({ change }) => change),
    [undefined],
  );
  assert.equal(new Set(streamed.map(({ sequenceNumber }) => sequenceNumber)).size, streamed.length);
});
