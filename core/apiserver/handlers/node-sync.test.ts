import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeSyncRequest, NodeSyncResponse } from '../../api/node-sync.ts';
import type { Pod, PodStatus } from '../../api/types.gen.ts';
import { admin, createServer, namespace, node, type TestServer } from '../fixture/server.ts';
import { createWorld, type World } from '../fixture/world.ts';

const none: NodeSyncRequest = { leaseDurationSeconds: 40, podStatuses: [], podsGone: [] };

async function cluster(): Promise<{ world: World; server: TestServer }> {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  for (const name of ['n1', 'n2']) await server.call('POST', '/api/v1/nodes', { metadata: { name } }, node(name));
  return { world, server };
}

async function sync(
  server: TestServer,
  name: string,
  request: Partial<NodeSyncRequest> = {},
): Promise<NodeSyncResponse> {
  const { code, body } = await server.call('POST', `/api/v1/nodes/${name}/sync`, { ...none, ...request }, node(name));
  assert.equal(code, 200, body.message);
  return body as unknown as NodeSyncResponse;
}

async function run(
  server: TestServer,
  name: string,
  nodeName: string,
  spec: object = {},
): Promise<Pod & { metadata: { uid: string } }> {
  const { body } = await server.call('POST', '/api/v1/namespaces/shop/pods', {
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }], automountServiceAccountToken: false, nodeName, ...spec },
  });
  return body as unknown as Pod & { metadata: { uid: string } };
}

const running = (restartCount = 0): PodStatus => ({
  phase: 'Running',
  conditions: [{ type: 'Ready', status: 'True' }],
  containerStatuses: [
    { name: 'c', image: 'i', imageID: '', ready: true, restartCount, containerID: 'x', state: { running: {} } },
  ],
});
const ended: PodStatus = {
  phase: 'Succeeded',
  containerStatuses: [
    {
      name: 'c',
      image: 'i',
      imageID: '',
      ready: false,
      restartCount: 0,
      containerID: 'x',
      state: { terminated: { exitCode: 0 } },
    },
  ],
};
const stored = async (world: World, name: string): Promise<Pod | undefined> =>
  (await world.store.get('pods', { namespace: 'shop', name }))?.object as Pod | undefined;
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

test('each sync renews the lease of the node, which is owned by the node', async () => {
  const { world, server } = await cluster();
  await sync(server, 'n1');
  world.pass(10_000);
  await sync(server, 'n1', { leaseDurationSeconds: 60 });
  const { body } = await server.call('GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1');
  const spec = body['spec'] as Record<string, unknown>;
  assert.equal(spec['holderIdentity'], 'n1');
  assert.equal(spec['leaseDurationSeconds'], 60);
  assert.equal(spec['renewTime'], '2026-01-02T03:04:15.000000Z');
  assert.equal(body.metadata.ownerReferences?.[0]?.name, 'n1');
});

test('a lease that was renewed a moment ago is not written again, unless it says something else', async () => {
  const { world, server } = await cluster();
  const renewed = async (): Promise<unknown> => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1';
    const { body } = await server.call('GET', path);
    return [body.metadata.resourceVersion, (body['spec'] as Record<string, unknown>)['renewTime']];
  };
  await sync(server, 'n1');
  const first = await renewed();
  world.pass(4_999);
  await sync(server, 'n1');
  assert.deepEqual(await renewed(), first);
  await sync(server, 'n1', { leaseDurationSeconds: 60 });
  const second = await renewed();
  assert.notDeepEqual(second, first);
  // Every second of the four calls in its duration renews it.
  world.pass(15_000);
  await sync(server, 'n1', { leaseDurationSeconds: 60 });
  assert.deepEqual(await renewed(), second);
  world.pass(15_000);
  await sync(server, 'n1', { leaseDurationSeconds: 60 });
  assert.notDeepEqual(await renewed(), second);
});

test("a lease is as old as the node's own clock says, whatever the servers' clocks do", async () => {
  const { world, server } = await cluster();
  const nodeMs = Date.UTC(2026, 0, 1);
  const renewed = async (ms: number): Promise<unknown> => {
    await sync(server, 'n1', { time: new Date(nodeMs + ms).toISOString() });
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1';
    return ((await server.call('GET', path)).body['spec'] as Record<string, unknown>)['renewTime'];
  };
  assert.equal(await renewed(0), '2026-01-01T00:00:00.000000Z');
  world.pass(180_000);
  assert.equal(await renewed(14_000), '2026-01-01T00:00:00.000000Z');
  assert.equal(await renewed(15_000), '2026-01-01T00:00:15.000000Z');
  // Set back, it has no lease of its own time.
  assert.equal(await renewed(10_000), '2026-01-01T00:00:10.000000Z');
});

test('a status report is taken, and what others own in the status stays', async () => {
  const { world, server } = await cluster();
  const { metadata } = await run(server, 'web', 'n1', { readinessGates: [{ conditionType: 'example.com/gate' }] });
  const path = '/api/v1/namespaces/shop/pods/web/status';
  const conditions = [
    { type: 'PodScheduled', status: 'True' },
    { type: 'example.com/gate', status: 'True' },
  ];
  await server.call('PATCH', path, { status: { conditions } });
  const report = { namespace: 'shop', name: 'web', uid: metadata.uid };
  const answer = await sync(server, 'n1', { podStatuses: [{ ...report, status: running() }] });
  assert.deepEqual(answer.refused, []);
  const { status } = (await stored(world, 'web'))!;
  assert.equal(status?.phase, 'Running');
  const types = (status?.conditions ?? []).map(({ type }) => type).sort();
  assert.deepEqual(types, ['PodScheduled', 'Ready', 'example.com/gate']);
  assert.equal(status?.qosClass, 'BestEffort');
});

test('a late report never undoes a newer one, and one about a pod that is gone is refused', async () => {
  const { world, server } = await cluster();
  const { metadata } = await run(server, 'web', 'n1');
  const report = { namespace: 'shop', name: 'web', uid: metadata.uid };
  const send = async (status: PodStatus, more: object = {}): Promise<string[]> => {
    const answer = await sync(server, 'n1', { podStatuses: [{ ...report, ...more, status }] });
    return answer.refused.map(({ message }) => message);
  };
  assert.deepEqual(await send(running(2)), []);
  assert.deepEqual(await send(running(1)), ['a newer status of container c is stored']);
  assert.equal((await stored(world, 'web'))?.status?.containerStatuses?.[0]?.restartCount, 2);
  assert.deepEqual(await send({ ...ended, containerStatuses: [] }), []);
  assert.match((await send(running(2)))[0] ?? '', /has ended as Succeeded/);
  assert.deepEqual(await send(running(), { uid: 'another' }), ['the pod does not exist any more']);
  assert.deepEqual(await send(running(), { name: 'none' }), ['the pod does not exist any more']);
});

test('a node reports about its own pods only, and calls for itself only', async () => {
  const { world, server } = await cluster();
  const { metadata } = await run(server, 'theirs', 'n2');
  const about = { namespace: 'shop', name: 'theirs', uid: metadata.uid };
  const answer = await sync(server, 'n1', { podStatuses: [{ ...about, status: running() }], podsGone: [about] });
  assert.equal(answer.refused.length, 2);
  assert.equal((await stored(world, 'theirs'))?.status?.phase, 'Pending');
  const other = await server.call('POST', '/api/v1/nodes/n2/sync', none, node('n1'));
  assert.equal(other.code, 403);
  const nobody = await server.call('POST', '/api/v1/nodes/n2/sync', none, {});
  assert.equal(nobody.code, 403);
  assert.equal((await server.call('POST', '/api/v1/nodes/n2/sync', none, admin)).code, 200);
});

test('a pod whose containers have ended is removed once its deletion was asked for', async () => {
  const { world, server } = await cluster();
  const { metadata } = await run(server, 'web', 'n1');
  const gone = [{ namespace: 'shop', name: 'web', uid: metadata.uid }];
  const early = await sync(server, 'n1', { podsGone: gone });
  assert.deepEqual(
    early.refused.map(({ message }) => message),
    ['the pod is not being deleted'],
  );
  await server.call('DELETE', '/api/v1/namespaces/shop/pods/web');
  assert.ok((await stored(world, 'web'))?.metadata?.deletionTimestamp, 'it ends gracefully');
  const podStatuses = [{ namespace: 'shop', name: 'web', uid: metadata.uid, status: ended }];
  const { since } = await sync(server, 'n1');
  const answer = await sync(server, 'n1', { since, podStatuses, podsGone: gone });
  assert.deepEqual(answer.refused, []);
  assert.deepEqual(answer.deletedPods, gone);
  assert.equal(await stored(world, 'web'), undefined);
  assert.deepEqual((await sync(server, 'n1', { podsGone: gone })).refused, [], 'saying it twice is no error');
});

test("a node's own status leaves what others announced on it", async () => {
  const { server } = await cluster();
  const path = '/api/v1/nodes/n1/status';
  const extended = { 'example.com/device': '4' };
  await server.call('PATCH', path, {
    status: { capacity: extended, conditions: [{ type: 'NetworkUnavailable', status: 'False' }] },
  });
  const nodeStatus = {
    capacity: { cpu: '2' },
    allocatable: { cpu: '2' },
    conditions: [{ type: 'Ready', status: 'True' }],
  };
  const { node: seen } = await sync(server, 'n1', { nodeStatus });
  assert.deepEqual(seen.status?.capacity, { ...extended, cpu: '2' });
  assert.deepEqual(seen.status?.allocatable, { ...extended, cpu: '2' });
  assert.deepEqual(
    (seen.status?.conditions ?? []).map(({ type }) => type),
    ['NetworkUnavailable', 'Ready'],
  );
});

test('a node that was deleted is told to register again', async () => {
  const { world, server } = await cluster();
  await world.remove('nodes', '', 'n1');
  const { code, body } = await server.call('POST', '/api/v1/nodes/n1/sync', none, node('n1'));
  assert.equal(code, 404);
  assert.equal(body.message, 'nodes "n1" not found');
});

test('a body that is not a sync request is a bad request', async () => {
  const { server } = await cluster();
  for (const bad of [
    {},
    { ...none, leaseDurationSeconds: 0 },
    { ...none, time: 'noon' },
    { ...none, podStatuses: 'x' },
    { ...none, podStatuses: [{}] },
    { ...none, podsGone: [{ namespace: 'a', name: 'b' }] },
    null,
  ]) {
    assert.equal((await server.call('POST', '/api/v1/nodes/n1/sync', bad, node('n1'))).code, 400, JSON.stringify(bad));
  }
});

test('a status of the wrong types is refused and changes nothing', async () => {
  const { world, server } = await cluster();
  const { metadata } = await run(server, 'web', 'n1');
  const report = { namespace: 'shop', name: 'web', uid: metadata.uid };
  const status = { phase: 'Running', containerStatuses: 'many' } as unknown as PodStatus;
  const answer = await sync(server, 'n1', { podStatuses: [{ ...report, status }] });
  assert.match(answer.refused[0]?.message ?? '', /PodStatus cannot be read/);
  assert.equal((await stored(world, 'web'))?.status?.phase, 'Pending');
  const extra = { ...running(), invented: true } as PodStatus;
  await sync(server, 'n1', { podStatuses: [{ ...report, status: extra }] });
  const kept = (await stored(world, 'web'))?.status as Record<string, unknown>;
  assert.deepEqual([kept['phase'], kept['invented']], ['Running', undefined]);
});

test('an idle sync costs few reads, and every second one a write', async () => {
  const { world, server } = await cluster();
  const { since } = await sync(server, 'n1');
  await sync(server, 'n1', { since });
  const calls: Record<string, number> = {};
  for (const name of ['get', 'list', 'commit', 'changesSince', 'head'] as const) {
    const original = world.store[name].bind(world.store) as (...all: never[]) => unknown;
    Object.assign(world.store, {
      [name]: (...all: never[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return original(...all);
      },
    });
  }
  world.pass(10_000);
  await sync(server, 'n1', { since });
  assert.equal(calls['commit'] ?? 0, 0);
  world.pass(10_000);
  await sync(server, 'n1', { since });
  assert.equal(calls['commit'], 1);
  assert.equal(calls['list'] ?? 0, 0);
  assert.ok((calls['get'] ?? 0) <= 4, `gets: ${calls['get']}`);
  assert.ok((calls['head'] ?? 0) <= 10, `heads: ${calls['head']}`);
  assert.ok((calls['changesSince'] ?? 0) === 0);
});

test('a report without an end is cut off when it is too long', async () => {
  const { server } = await cluster();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
  });
  const request = new Request('https://api.test/api/v1/nodes/n1/sync', {
    method: 'POST',
    body,
    duplex: 'half',
  } as RequestInit);
  const { status } = await server.api.fetch(request, node('n1').peer ?? {});
  assert.equal(status, 413);
  assert.ok(sent < 16, `${sent} MiB were read`);
});

test('events come with a sync: each is created once, one that is refused costs the others nothing', async () => {
  const { world, server } = await cluster();
  const event = (name: string, about: string) => ({
    metadata: { name, namespace: about },
    involvedObject: { kind: 'Pod', namespace: about, name: 'p' },
    reason: 'Started',
    message: 'Container started',
    type: 'Normal',
    count: 1,
    source: { component: 'kubelet', host: 'n1' },
  });
  const events = [
    event('p.1', 'shop'),
    event('p.2', 'no-such-namespace'),
    event('p.3', 'shop'),
    'not an event',
  ] as unknown as NonNullable<NodeSyncRequest['events']>;
  await sync(server, 'n1', { events });
  await sync(server, 'n1', { events });
  const { items } = await world.store.list('events');
  assert.deepEqual(items.map(({ object }) => [object.metadata.name, object['reason']]).sort(), [
    ['p.1', 'Started'],
    ['p.3', 'Started'],
  ]);
  const many = { ...none, events: Array.from({ length: 101 }, (_, i) => event(`many.${i}`, 'shop')) };
  const { code } = await server.call('POST', '/api/v1/nodes/n1/sync', many, node('n1'));
  assert.equal(code, 400);
});
