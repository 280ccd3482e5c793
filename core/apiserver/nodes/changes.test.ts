// What a sync call brings back: everything at first, then what changed for this node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServer } from '../fixture/server.ts';
import { cluster, run, sync } from '../fixture/sync.ts';

const names = (pods: readonly { metadata: { name: string } }[]): string[] =>
  pods.map(({ metadata }) => metadata.name).sort();

test('the first sync brings everything of this node and nothing of another', async () => {
  const { server } = await cluster();
  await server.call('POST', '/api/v1/namespaces/shop/configmaps', { metadata: { name: 'settings' }, data: { a: 'b' } });
  await server.call('POST', '/api/v1/namespaces/shop/configmaps', { metadata: { name: 'other' } });
  await run(server, 'mine', 'n1', {
    volumes: [
      { name: 'v', configMap: { name: 'settings' } },
      { name: 's', secret: { secretName: 'absent' } },
    ],
  });
  await run(server, 'theirs', 'n2');
  const answer = await sync(server, 'n1');
  assert.equal(answer.full, true);
  assert.deepEqual(names(answer.pods), ['mine']);
  assert.deepEqual(names(answer.configMaps), ['settings']);
  assert.deepEqual(answer.missing, ['Secret/shop/absent']);
  assert.equal(answer.node.metadata.name, 'n1');
  assert.deepEqual(names(answer.network?.services ?? []), ['kubernetes']);
  assert.deepEqual(names(answer.network?.endpointSlices ?? []), ['kubernetes']);
  assert.equal(answer.nextSyncMs, 10_000);
});

test('a later sync brings what changed, and when nothing did, nothing', async () => {
  const { server } = await cluster();
  let { since } = await sync(server, 'n1');
  let answer = await sync(server, 'n1', { since });
  assert.equal(answer.full, false);
  assert.deepEqual([answer.pods, answer.deletedPods, answer.configMaps, answer.secrets], [[], [], [], []]);
  assert.equal(answer.network, undefined);
  ({ since } = answer);

  await server.call('POST', '/api/v1/namespaces/shop/secrets', { metadata: { name: 'key' }, stringData: { a: '1' } });
  const pod = await run(server, 'late', 'n1', {
    containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: 'key' } }] }],
  });
  answer = await sync(server, 'n1', { since });
  assert.deepEqual(names(answer.pods), ['late']);
  assert.deepEqual(names(answer.secrets), ['key'], 'a secret older than `since` comes with the pod that names it');
  ({ since } = answer);

  await server.call('PATCH', '/api/v1/namespaces/shop/secrets/key', { stringData: { a: '2' } });
  answer = await sync(server, 'n1', { since });
  assert.deepEqual(answer.pods, []);
  assert.equal(atob(answer.secrets[0]?.data?.['a'] ?? ''), '2');
  ({ since } = answer);

  await server.call('DELETE', '/api/v1/namespaces/shop/secrets/key');
  answer = await sync(server, 'n1', { since });
  assert.deepEqual(answer.missing, ['Secret/shop/key']);
  ({ since } = answer);

  await server.call('DELETE', '/api/v1/namespaces/shop/pods/late', { gracePeriodSeconds: 0 });
  answer = await sync(server, 'n1', { since });
  assert.deepEqual(answer.deletedPods, [{ namespace: 'shop', name: 'late', uid: pod.metadata.uid }]);
});

test('a pod deleted and made again under its name is one that left and one that came', async () => {
  const { server } = await cluster();
  const first = await run(server, 'web', 'n1');
  const { since } = await sync(server, 'n1');
  await server.call('DELETE', '/api/v1/namespaces/shop/pods/web', { gracePeriodSeconds: 0 });
  const second = await run(server, 'web', 'n1');
  const answer = await sync(server, 'n1', { since });
  assert.deepEqual(
    answer.deletedPods.map(({ uid }) => uid),
    [first.metadata.uid],
  );
  assert.deepEqual(
    answer.pods.map(({ metadata }) => metadata.uid),
    [second.metadata.uid],
  );
});

test('another API server, started later, goes on from the same token', async () => {
  const { world, server } = await cluster();
  const pod = await run(server, 'web', 'n1');
  const { since } = await sync(server, 'n1');
  await server.call('DELETE', '/api/v1/namespaces/shop/pods/web', { gracePeriodSeconds: 0 });
  await run(server, 'next', 'n1');
  const other = await createServer(world);
  const answer = await sync(other, 'n1', { since });
  assert.equal(answer.full, false);
  assert.deepEqual(
    answer.deletedPods.map(({ uid }) => uid),
    [pod.metadata.uid],
  );
  assert.deepEqual(names(answer.pods), ['next']);
});

test('services and endpoint slices come once each, when they changed, and their names when they are gone', async () => {
  const { world, server } = await cluster();
  let { since } = await sync(server, 'n1');
  const network = async (by = server) => {
    const answer = await sync(by, 'n1', { since });
    assert.equal(answer.full, false);
    ({ since } = answer);
    return answer.network;
  };
  const services = '/api/v1/namespaces/shop/services';
  const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices';
  await server.call('POST', services, { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } });
  await server.call('POST', services, { metadata: { name: 'peers' }, spec: { clusterIP: 'None' } });
  const first = await network();
  assert.deepEqual(names(first?.services ?? []), ['peers', 'web']);
  assert.deepEqual(first?.endpointSlices, []);
  assert.equal(first?.services[0]?.metadata.managedFields, undefined);

  const slice = {
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.1'] }],
  };
  const made = await server.call('POST', slices, slice);
  assert.equal(made.code, 201, made.body.message);
  await server.call('PATCH', `${services}/web`, { metadata: { labels: { a: 'b' } } });
  await server.call('DELETE', `${services}/peers`);
  const second = await network();
  assert.deepEqual(names(second?.services ?? []), ['web']);
  assert.deepEqual(second?.endpointSlices[0]?.endpoints, [{ addresses: ['10.1.0.1'], conditions: {} }]);
  assert.deepEqual(second?.deletedServices, [{ namespace: 'shop', name: 'peers' }]);
  assert.equal(await network(), undefined);

  await server.call('DELETE', `${slices}/web-1`);
  const later = await network(await createServer(world));
  assert.deepEqual(later, {
    services: [],
    endpointSlices: [],
    deletedServices: [],
    deletedEndpointSlices: [{ namespace: 'shop', name: 'web-1' }],
  });
});

test('a token that is too old, of another cluster, or nonsense brings everything', async () => {
  const { world, server } = await cluster();
  await run(server, 'web', 'n1');
  const { since } = await sync(server, 'n1');
  for (const bad of ['nonsense', '999999.1.1.1.1', '1.1.1.999999.1', '1.1.1.1', '1.2.3', '']) {
    const answer = await sync(server, 'n1', { since: bad });
    assert.equal(answer.full, true, bad);
    assert.deepEqual(names(answer.pods), ['web']);
  }
  const object = (await world.store.get('configmaps', { namespace: 'kube-public', name: 'none' }))?.object;
  assert.equal(object, undefined);
  for (let i = 0; i < 12_000; i++) {
    await world.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'x', name: 'busy', uid: 'u' },
      spec: { i },
    });
  }
  const other = await createServer(world);
  assert.equal((await sync(other, 'n1', { since })).full, true);
});
