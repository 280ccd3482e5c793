import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../api/errors.ts';
import type { NodeUsageAnswer } from '../../api/node-usage.ts';
import type { KubeObject } from '../../api/objects.ts';
import { type Api, pod, startApi, startMs } from '../fixture/api.ts';
import type { NodeDialer } from '../server.ts';

const group = '/apis/metrics.k8s.io/v1beta1';
const shop = `${group}/namespaces/shop/pods`;
const measured = { atMs: startMs, windowMs: 12_345, cpuNanoCores: 250_000_000, memoryWorkingSetBytes: 65 * 1024 };

interface Cluster extends Api {
  /** Names of the nodes that were asked, in order. */
  asked: string[];
  /** What nodes answer; those that are not in it do not answer at all. */
  answers: Map<string, NodeUsageAnswer | Error>;
}

/** Two nodes; pods web and api on the first, one on the second, one on none. */
async function startCluster(): Promise<Cluster> {
  const asked: string[] = [];
  const answers: Cluster['answers'] = new Map();
  const nodes: NodeDialer = {
    fetch: async ({ metadata: { name = '' } }, path, init) => {
      asked.push(name);
      assert.equal(path, '/usage');
      const answer = answers.get(name);
      if (answer instanceof Error) throw answer;
      if (answer) return Response.json(answer);
      return await new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    },
  };
  const api = startApi({ nodes });
  for (const name of ['n1', 'n2'])
    await api.call('POST', '/api/v1/nodes', { metadata: { name, labels: { zone: name } } });
  const uids = new Map<string, string>();
  for (const [name, nodeName] of [
    ['web', 'n1'],
    ['api', 'n1'],
    ['store', 'n2'],
    ['waits', ''],
  ] as const) {
    const { body } = await api.call('POST', '/api/v1/namespaces/shop/pods', pod(name, nodeName ? { nodeName } : {}));
    uids.set(name, body.metadata.uid ?? '');
  }
  const measuredPod = (name: string, ...containers: string[]) => ({
    namespace: 'shop',
    name,
    uid: uids.get(name)!,
    containers: containers.map((container) => ({ name: container, ...measured })),
  });
  answers.set('n1', { node: measured, pods: [measuredPod('web', 'main', 'side'), measuredPod('api')] });
  answers.set('n2', { pods: [measuredPod('store', 'main')] });
  return { ...api, asked, answers };
}

const names = (body: { items: KubeObject[] }): (string | undefined)[] =>
  body.items.map(({ metadata }) => metadata.name);

test('a pod’s metrics are those of its containers, with its labels and the window', async () => {
  const { call, asked } = await startCluster();
  const { status, body } = await call('GET', `${shop}/web`);
  assert.equal(status, 200);
  const usage = { cpu: '250m', memory: '65Ki' };
  assert.deepEqual(body, {
    kind: 'PodMetrics',
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: {
      name: 'web',
      namespace: 'shop',
      creationTimestamp: '2030-01-02T03:04:05Z',
      labels: { app: 'web' },
    },
    timestamp: '2030-01-02T03:04:05Z',
    window: '12.345s',
    containers: [
      { name: 'main', usage },
      { name: 'side', usage },
    ],
  });
  assert.deepEqual(asked, ['n1'], 'only the node of the pod is asked');
});

test('a node’s metrics; what is not there and what has no metrics yet are told apart', async () => {
  const { call } = await startCluster();
  const { body } = await call('GET', `${group}/nodes/n1`);
  assert.equal(body.kind, 'NodeMetrics');
  assert.deepEqual(body['usage'], { cpu: '250m', memory: '65Ki' });
  const refusals = [
    [`${group}/nodes/n2`, 'nodemetrics.metrics.k8s.io "n2" not found'],
    [`${group}/nodes/n3`, 'nodes "n3" not found'],
    [`${shop}/api`, 'podmetrics.metrics.k8s.io "shop/api" not found'],
    [`${shop}/waits`, 'podmetrics.metrics.k8s.io "shop/waits" not found'],
    [`${shop}/nothing`, 'pods "nothing" not found'],
  ] as const;
  for (const [path, message] of refusals) {
    const answer = await call('GET', path);
    assert.deepEqual([answer.status, answer.body.reason, answer.body.message], [404, 'NotFound', message]);
  }
});

test('lists hold those that have metrics, by label and by field, in one namespace or all', async () => {
  const { call } = await startCluster();
  const all = (await call('GET', `${group}/pods`)).body;
  assert.equal(all.kind, 'PodMetricsList');
  assert.deepEqual(all.metadata, {});
  assert.deepEqual(names(all), ['store', 'web']);
  assert.deepEqual(names((await call('GET', `${shop}?labelSelector=app%3Dother`)).body), []);
  assert.deepEqual(names((await call('GET', `${shop}?fieldSelector=spec.nodeName%3Dn2`)).body), ['store']);
  assert.deepEqual(names((await call('GET', `${group}/nodes?labelSelector=zone%3Dn1`)).body), ['n1']);
  assert.deepEqual(names((await call('GET', `${group}/namespaces/other/pods`)).body), []);
  assert.equal((await call('GET', `${shop}?labelSelector=%3D%3D`)).status, 400);
});

test('a table sums up the containers', async () => {
  const { call } = await startCluster();
  const { body } = await call('GET', shop, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  const columns = body['columnDefinitions'] as { name: string }[];
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['Name', 'cpu', 'memory', 'Window'],
  );
  const rows = body['rows'] as { cells: unknown[] }[];
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      ['store', '250m', '65Ki', '12.345s'],
      ['web', '500m', '130Ki', '12.345s'],
    ],
  );
});

test('nodes are asked once for all who ask within seconds, and again later', async () => {
  const { call, asked, clock } = await startCluster();
  await Promise.all([call('GET', `${group}/nodes`), call('GET', shop)]);
  await call('GET', shop);
  assert.deepEqual(asked.sort(), ['n1', 'n2']);
  clock.pass(6_000);
  await call('GET', `${shop}/web`);
  assert.deepEqual(asked.sort(), ['n1', 'n1', 'n2']);
});

test('a node that refuses, or does not answer in time, is left out', async () => {
  const { call, answers, clock, asked } = await startCluster();
  answers.set('n1', new Error('connection refused'));
  assert.deepEqual(names((await call('GET', shop)).body), ['store']);
  answers.delete('n1');
  clock.pass(6_000);
  const answer = call('GET', `${shop}?timeoutSeconds=1`);
  while (asked.length < 4) await new Promise((resolve) => setImmediate(resolve));
  clock.pass(1_000);
  assert.deepEqual(names((await answer).body), ['store']);
});

test('a node that is silent for long is not asked', async () => {
  const { call, asked } = await startCluster();
  const status = { conditions: [{ type: 'Ready', status: 'Unknown' }] };
  const { body } = await call('GET', '/api/v1/nodes/n1');
  assert.equal((await call('PUT', '/api/v1/nodes/n1/status', { ...body, status })).status, 200);
  assert.deepEqual(names((await call('GET', shop)).body), ['store']);
  assert.deepEqual(asked, ['n2']);
});

test('where nothing leads to nodes, that is said', async () => {
  const { call, answers } = await startCluster();
  const noWay = new StatusError('ServiceUnavailable', 'this cluster has no function that reaches nodes');
  for (const name of ['n1', 'n2']) answers.set(name, noWay);
  for (const path of [`${group}/nodes`, `${shop}/web`]) {
    const { status, body } = await call('GET', path);
    assert.deepEqual([status, body.message], [503, noWay.message]);
  }
});

test('nothing is written, watched or deleted there', async () => {
  const { call, store } = await startCluster();
  for (const [method, path] of [
    ['POST', shop],
    ['DELETE', `${shop}/web`],
    ['PUT', `${shop}/web`],
    ['GET', `${shop}?watch=1`],
  ])
    assert.equal((await call(method!, path!, method === 'GET' ? undefined : {})).status, 405, `${method} ${path}`);
  assert.equal((await store.list('pods.metrics.k8s.io')).items.length, 0);
});

test('discovery and OpenAPI name the group', async () => {
  const { call } = await startCluster();
  const { body } = await call('GET', group);
  const resources = body['resources'] as { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
  assert.deepEqual(
    resources.map(({ name, kind, namespaced, verbs }) => [name, kind, namespaced, verbs]),
    [
      ['nodes', 'NodeMetrics', false, ['get', 'list']],
      ['pods', 'PodMetrics', true, ['get', 'list']],
    ],
  );
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const groups = (await call('GET', '/apis', undefined, { accept })).body.items;
  assert.equal(groups.at(-1)?.metadata.name, 'metrics.k8s.io', 'after the groups of kube-apiserver itself');
  const schemas = (await call('GET', '/openapi/v3/apis/metrics.k8s.io/v1beta1')).body['components'];
  assert.match(JSON.stringify(schemas), /metrics\.v1beta1\.ContainerMetrics/);
});
