// Which nodes are rung, by whom, and that a change rings once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { FakeApi } from '../../core/client/fixture/fake-api.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { Informers } from '../../core/client/informers.ts';
import { resources } from '../../core/client/resources.ts';
import type { StreamChange } from '../host/event.ts';
import { Doorbells } from './doorbells.ts';

const key = (name: string) => ({ namespace: 'default', name });
const pod = (name: string, node: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: key(name),
  spec: { nodeName: node, containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'settings' } }] }] },
});

async function world(...existing: KubeObject[]) {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  for (const object of existing) api.create(resources.pods, object);
  const informers = new Informers(api.client(), ports);
  const followed = [
    resources.pods,
    resources.nodes,
    resources.configMaps,
    resources.services,
    resources.endpointSlices,
  ];
  for (const one of followed) informers.for(one);
  informers.forMetadata(resources.secrets);
  const calls: string[][] = [];
  const bells = new Doorbells(informers, async (names) => void calls.push([...names]));
  const catchUp = () => Promise.all(informers.all().map(({ informer }) => informer.catchUp()));
  const rung = async (): Promise<string[][]> => {
    await bells.settled();
    return calls.splice(0);
  };
  const told = (object: KubeObject, type: 'ADDED' | 'MODIFIED' = 'MODIFIED', resource = 'pods'): StreamChange => {
    const revision = Number(object.metadata.resourceVersion);
    const { name = '' } = object.metadata;
    return { resource, revision, change: { type, key: key(name), revision, object }, sequenceNumber: String(revision) };
  };
  return { api, bells, catchUp, rung, told, informers };
}

test('a cold function rings for its batch, and not for all that is there', async () => {
  const { api, bells, catchUp, rung, told } = await world(pod('old', 'n1'));
  bells.told([told(api.create(resources.pods, pod('new', 'n2')), 'ADDED')]);
  assert.deepEqual(await rung(), []);
  await catchUp();
  bells.follow();
  assert.deepEqual(await rung(), [['n2']]);
});

test('a warm function rings before it has caught up, once for each change', async () => {
  const { api, bells, catchUp, rung, told } = await world();
  await catchUp();
  bells.follow();
  const batch = [
    told(api.create(resources.pods, pod('a', 'n1')), 'ADDED'),
    told(api.create(resources.pods, pod('b', 'n1')), 'ADDED'),
  ];
  bells.told(batch);
  assert.deepEqual(await rung(), [['n1']]);
  await catchUp();
  assert.deepEqual(await rung(), []);
  bells.told(batch);
  assert.deepEqual(await rung(), []);
});

test("a node's own report rings nobody; what it must act on does, also before the stream tells", async () => {
  const { api, bells, catchUp, rung, told } = await world(pod('a', 'n1'));
  await catchUp();
  bells.follow();
  const reported = api.update(
    resources.pods,
    { ...api.find(resources.pods, key('a'))!, status: { phase: 'Running' } },
    'status',
  );
  bells.told([told(reported)]);
  assert.deepEqual(await rung(), []);
  await catchUp();
  api.delete(resources.pods, key('a'));
  await catchUp();
  assert.deepEqual(await rung(), [['n1']]);
});

test('a config map rings the nodes whose pods name it', async () => {
  const { api, bells, catchUp, rung } = await world(pod('a', 'n1'), pod('b', 'n2'));
  await catchUp();
  bells.follow();
  for (const name of ['settings', 'other']) {
    api.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key(name) });
  }
  await catchUp();
  assert.deepEqual(await rung(), [['n1', 'n2']]);
});

test('an endpoint slice rings every node, many of them once', async () => {
  const { api, bells, catchUp, rung } = await world();
  for (const name of ['n1', 'n2']) api.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  await catchUp();
  bells.follow();
  const slice = (name: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: key(name),
    endpoints: [],
  });
  for (const name of ['web-1', 'web-2']) api.create(resources.endpointSlices, slice(name));
  await catchUp();
  assert.deepEqual(await rung(), [['n1', 'n2']]);
});

test('a node that comes rings all others, which find the way to its pods; its reports of how it is ring nobody', async () => {
  const node = (name: string, ready: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.0.0.${name.slice(1)}` }],
      conditions: [{ type: 'Ready', status: ready }],
    },
  });
  const { api, bells, catchUp, rung } = await world();
  for (const name of ['n1', 'n2']) api.create(resources.nodes, node(name, 'True'));
  await catchUp();
  bells.follow();
  assert.deepEqual(await rung(), []);
  const made = api.create(resources.nodes, node('n3', 'False'));
  await catchUp();
  assert.deepEqual((await rung()).flat().sort(), ['n1', 'n2', 'n3']);
  api.update(resources.nodes, { ...node('n3', 'True'), metadata: made.metadata });
  await catchUp();
  assert.deepEqual(await rung(), []);
});
