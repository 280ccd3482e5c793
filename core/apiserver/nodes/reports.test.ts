// What a node says with a sync call: its lease, the statuses of its pods and of itself, events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeSyncRequest } from '../../api/node-sync.ts';
import type { Lease, Pod, PodStatus } from '../../api/types.gen.ts';
import { admin, node, type TestServer } from '../fixture/server.ts';
import { cluster, none, run, sync } from '../fixture/sync.ts';
import type { World } from '../fixture/world.ts';

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

async function leaseOf(server: TestServer): Promise<Lease> {
  const { body } = await server.call('GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1');
  return body as Lease;
}

test('each sync renews the lease of the node, which is owned by the node', async () => {
  const { world, server } = await cluster();
  await sync(server, 'n1');
  world.pass(10_000);
  await sync(server, 'n1', { leaseDurationSeconds: 60 });
  const { metadata, spec } = await leaseOf(server);
  assert.equal(spec?.holderIdentity, 'n1');
  assert.equal(spec?.leaseDurationSeconds, 60);
  assert.equal(spec?.renewTime, '2026-01-02T03:04:15.000000Z');
  assert.equal(metadata?.ownerReferences?.[0]?.name, 'n1');
});

test('a lease that was renewed a moment ago is not written again, unless it says something else', async () => {
  const { world, server } = await cluster();
  const renewed = async (): Promise<unknown> => {
    const { metadata, spec } = await leaseOf(server);
    return [metadata?.resourceVersion, spec?.renewTime];
  };
  const { since } = await sync(server, 'n1');
  const first = await renewed();
  world.pass(4_999);
  await sync(server, 'n1', { since });
  assert.deepEqual(await renewed(), first);
  await sync(server, 'n1', { since, leaseDurationSeconds: 60 });
  const second = await renewed();
  assert.notDeepEqual(second, first);
  // Every second of the four calls in its duration renews it.
  world.pass(15_000);
  await sync(server, 'n1', { since, leaseDurationSeconds: 60 });
  assert.deepEqual(await renewed(), second);
  world.pass(15_000);
  await sync(server, 'n1', { since, leaseDurationSeconds: 60 });
  assert.notDeepEqual(await renewed(), second);
});

test('an agent that begins anew renews the lease of the one before, however fresh that is', async () => {
  const { world, server } = await cluster();
  const renewTime = async (): Promise<string | undefined> => {
    await sync(server, 'n1');
    return (await leaseOf(server)).spec?.renewTime;
  };
  const before = await renewTime();
  world.pass(1_000);
  assert.notEqual(await renewTime(), before);
});

test("a lease is as old as the node's own clock says, whatever the servers' clocks do", async () => {
  const { world, server } = await cluster();
  const nodeMs = Date.UTC(2026, 0, 1);
  const { since } = await sync(server, 'n1', { time: new Date(nodeMs).toISOString() });
  const renewed = async (ms: number): Promise<string | undefined> => {
    await sync(server, 'n1', { since, time: new Date(nodeMs + ms).toISOString() });
    return (await leaseOf(server)).spec?.renewTime;
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
