import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { Change } from '../../store/store.ts';
import { createLister } from '../lister.ts';
import { nodesToRing, ringsEveryNode } from './doorbells.ts';

const pod = (node: string, more: { metadata?: object; spec?: object; status?: object } = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'web', uid: 'u', ...more.metadata },
  spec: { nodeName: node, containers: [], ...more.spec },
  status: more.status ?? {},
});
const change = (type: Change['type'], object: KubeObject, previous?: KubeObject): Change => ({
  type,
  key: { namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' },
  revision: 1,
  object,
  ...(previous ? { previous } : {}),
});
const none = (): readonly KubeObject[] => [];

test('a pod that is bound, deleted or changed rings at its node', () => {
  assert.deepEqual(nodesToRing('pods', change('ADDED', pod('')), none), []);
  assert.deepEqual(nodesToRing('pods', change('ADDED', pod('n1')), none), ['n1']);
  assert.deepEqual(nodesToRing('pods', change('MODIFIED', pod('n1'), pod('')), none), ['n1']);
  assert.deepEqual(nodesToRing('pods', change('DELETED', pod('n1'), pod('n1')), none), ['n1']);
  const ending = pod('n1', { metadata: { deletionTimestamp: 'now' } });
  assert.deepEqual(nodesToRing('pods', change('MODIFIED', ending, pod('n1')), none), ['n1']);
  const labelled = pod('n1', { metadata: { labels: { a: 'b' } } });
  assert.deepEqual(nodesToRing('pods', change('MODIFIED', labelled, pod('n1')), none), ['n1']);
});

test("a node's own status report does not ring at its door, a readiness gate does", () => {
  const reported = pod('n1', { status: { phase: 'Running' } });
  assert.deepEqual(nodesToRing('pods', change('MODIFIED', reported, pod('n1')), none), []);
  const spec = { readinessGates: [{ conditionType: 'example.com/gate' }] };
  const opened = pod('n1', { spec, status: { conditions: [{ type: 'example.com/gate', status: 'True' }] } });
  assert.deepEqual(nodesToRing('pods', change('MODIFIED', opened, pod('n1', { spec })), none), ['n1']);
});

test('a config map or secret rings at the nodes whose pods name it', () => {
  const naming = (node: string, name: string): KubeObject =>
    pod(node, { spec: { volumes: [{ name: 'v', configMap: { name } }], imagePullSecrets: [{ name: 'pull' }] } });
  const pods = (): KubeObject[] => [
    naming('n1', 'mine'),
    naming('n2', 'other'),
    naming('n1', 'mine'),
    naming('', 'mine'),
  ];
  const object = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'shop', name },
  });
  assert.deepEqual(nodesToRing('configmaps', change('MODIFIED', object('mine')), pods), ['n1']);
  assert.deepEqual(nodesToRing('configmaps', change('ADDED', object('nobody')), pods), []);
  assert.deepEqual(nodesToRing('secrets', change('MODIFIED', object('pull')), pods), ['n1', 'n2']);
});

test('the indexes lead from a config map or secret to the bound pods that name it, and to no others', async () => {
  const store = new MemoryStore();
  const lister = createLister(store);
  const add = async (name: string, node: string, spec: object): Promise<void> => {
    const key = { namespace: 'shop', name };
    const object = pod(node, { metadata: { name }, spec });
    await store.commit({ op: 'put', resource: 'pods', key, object, expected: 'absent' });
  };
  const volumes = [{ name: 'v', configMap: { name: 'mine' } }];
  await add('first', 'n1', { volumes });
  const rung = async (resource: string, name: string): Promise<string[]> => {
    const pods = await lister.view('pods');
    const written = change('MODIFIED', { apiVersion: 'v1', kind: 'X', metadata: { namespace: 'shop', name } });
    return nodesToRing(resource, written, (_namespace, naming, value) => pods.by(naming, value)).sort();
  };
  assert.deepEqual(await rung('configmaps', 'mine'), ['n1']);
  await add('second', 'n2', { volumes, imagePullSecrets: [{ name: 'pull' }] });
  await add('waiting', '', { volumes });
  assert.deepEqual(await rung('configmaps', 'mine'), ['n1', 'n2']);
  assert.deepEqual(await rung('secrets', 'pull'), ['n2']);
  assert.deepEqual(await rung('secrets', 'mine'), []);
});

test('a node whose object is deleted is rung, so that it registers again; other resources concern no node', () => {
  const node: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
  assert.deepEqual(nodesToRing('nodes', change('DELETED', node), none), ['n1']);
  assert.deepEqual(nodesToRing('nodes', change('MODIFIED', node), none), []);
  assert.deepEqual(nodesToRing('deployments.apps', change('MODIFIED', pod('n1')), none), []);
});

test('services and endpoint slices ring every node when what a node acts on changes, and not for their times', () => {
  const slice = (address: string, metadata: object = {}): KubeObject => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name: 'web-1', uid: 's', ...metadata },
    endpoints: [{ addresses: [address] }],
  });
  const rings = (type: Change['type'], after: KubeObject, before?: KubeObject): boolean =>
    ringsEveryNode('endpointslices.discovery.k8s.io', change(type, after, before));
  assert.equal(rings('ADDED', slice('10.0.0.1')), true);
  assert.equal(rings('DELETED', slice('10.0.0.1'), slice('10.0.0.1')), true);
  assert.equal(rings('MODIFIED', slice('10.0.0.2'), slice('10.0.0.1')), true);
  const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-02T03:04:05Z' };
  assert.equal(rings('MODIFIED', slice('10.0.0.1', { annotations }), slice('10.0.0.1')), false);
  const labels = { 'kubernetes.io/service-name': 'other' };
  assert.equal(rings('MODIFIED', slice('10.0.0.1', { labels }), slice('10.0.0.1')), true);
  assert.equal(rings('MODIFIED', slice('10.0.0.1', { uid: 'anew' }), slice('10.0.0.1')), true);
  assert.equal(ringsEveryNode('services', change('ADDED', slice('10.0.0.1'))), true);
  assert.equal(ringsEveryNode('pods', change('ADDED', pod('n1'))), false);
});
