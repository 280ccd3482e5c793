// From a service that asks to a load balancer, and back to nothing, over the real API and an Elastic Load Balancing in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeBalancing, fakeBalancing } from '../../aws/fixture/fake-balancing.ts';
import { queryClient } from '../../aws/query-api/client.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Service, ServiceSpec } from '../../core/api/types.gen.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { seededRandom } from '../../core/client/fixture/random.ts';
import { resources } from '../../core/client/resources.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { composeOver, seededIds, writeDefaults } from '../../test/simulation/functions/control-plane.ts';
import { readState } from '../host/function-state.ts';
import { loadBalancersFunction } from './function.ts';
import { networkBalancers } from './network-balancers.ts';

async function world() {
  const host = manualPorts();
  const store = new MemoryStore();
  const plane = { store, clock: host.clock, ids: seededIds(seededRandom(1)), log: host.log };
  await writeDefaults(plane);
  const composed = await composeOver(plane);
  const aws = fakeBalancing();
  const query = queryClient({
    region: 'eu-west-1',
    credentials: async () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
    now: host.clock.now,
    fetch: aws.fetch,
  });
  const place = { cluster: 'shop', vpc: 'vpc-1', subnets: ['subnet-a', 'subnet-b'], group: 'sg-cluster' };
  const look = (byTick = false) =>
    loadBalancersFunction({ ...composed, balancers: networkBalancers(query, place) }).look(byTick);
  const client = composed.clientOf('user');
  return { store, aws, look, client };
}

type World = Awaited<ReturnType<typeof world>>;

const key = { namespace: 'default', name: 'web' };

async function service({ client }: World, spec: ServiceSpec = {}, annotations: Record<string, string> = {}) {
  await client.create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...key, annotations },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: 'service.k8s.aws/nlb',
      ports: [{ name: 'http', port: 80, nodePort: 30080 }],
      ...spec,
    },
  });
}

async function node({ client }: World, name: string): Promise<void> {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { providerID: `aws:///eu-west-1a/${name}` },
  };
  await client.create(resources.nodes, object);
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  await client.patch(resources.nodes, { name }, { status }, { type: 'strategic', subresource: 'status' });
}

const hostnames = async ({ client }: World): Promise<(string | undefined)[]> =>
  (((await client.get(resources.services, key)) as Service).status?.loadBalancer?.ingress ?? []).map(
    ({ hostname }) => hostname,
  );

const told = async ({ client }: World): Promise<string[]> =>
  (await client.list(resources.events, { namespace: 'default' })).items.map((event) => String(event['message']));

/** Target groups: what each is, and who is behind it. */
const targets = ({ targetGroups }: FakeBalancing): string[] =>
  [...targetGroups.values()]
    .map(({ protocol, port, health, instances }) => `${protocol} ${port} (${health}) ${instances.join()}`)
    .sort();

const openings = ({ groups }: FakeBalancing): string[] =>
  [...groups.values()].flatMap(({ rules }) => rules.map(({ protocol, port, cidr }) => `${protocol} ${port} ${cidr}`));

test('a service that asks has a load balancer before its ready nodes, made once; a later look changes nothing', async () => {
  const it = await world();
  for (const name of ['i-1', 'i-2']) await node(it, name);
  await service(it);
  // Whoever finds that the other one wrote looks again at the next tick.
  await Promise.all([it.look(), it.look()]);
  await it.look(true);
  assert.deepEqual(await told(it), ['Ensured load balancer']);
  const [[name, balancer] = ['', undefined]] = it.aws.balancers;
  assert.match(name, /^k8s-[0-9a-f]{14}$/);
  assert.equal(balancer?.scheme, 'internal');
  assert.deepEqual(balancer?.subnets, ['subnet-a', 'subnet-b']);
  assert.equal(balancer?.groups[0], 'sg-cluster');
  assert.equal(it.aws.balancers.size, 1);
  assert.equal(it.aws.listeners.size, 1);
  assert.deepEqual(openings(it.aws).at(0), 'tcp 80 0.0.0.0/0');
  assert.deepEqual(await hostnames(it), [`${name}.elb.eu-west-1.amazonaws.com`]);
  const before = it.aws.changes.length;
  await it.look();
  assert.equal(it.aws.changes.length, before);
  assert.deepEqual((await readState(it.store)).due, {});
});

test('a service that does not ask is left alone, and AWS is not asked for anything', async () => {
  const it = await world();
  await service(it, { loadBalancerClass: 'example.com/other' });
  it.aws.failing.set('DescribeLoadBalancers', { code: 'Throttling', message: 'asked' });
  await it.look();
  assert.equal(it.aws.failing.size, 1);
  assert.deepEqual(it.aws.changes, []);
});

test('nodes come and go, ports and sources change: only what differs is changed', async () => {
  const it = await world();
  await node(it, 'i-1');
  await service(it, { loadBalancerSourceRanges: ['10.0.0.0/8'] });
  await it.look();
  assert.deepEqual(targets(it.aws), ['TCP 30080 (TCP 30080) i-1']);
  it.aws.changes.length = 0;
  await node(it, 'i-2');
  await it.client.delete(resources.nodes, { name: 'i-1' });
  await it.look();
  assert.deepEqual(it.aws.changes, ['RegisterTargets', 'DeregisterTargets']);
  assert.deepEqual(targets(it.aws), ['TCP 30080 (TCP 30080) i-2']);
  const ports = [
    { name: 'http', port: 80, nodePort: 30081, protocol: 'TCP' },
    { name: 'dns', port: 53, nodePort: 30053, protocol: 'UDP' },
  ];
  const patch = { spec: { ports, loadBalancerSourceRanges: ['192.0.2.0/24'] } };
  await it.client.patch(resources.services, key, patch, { type: 'merge' });
  await it.look();
  assert.deepEqual(targets(it.aws), ['TCP 30081 (TCP 30081) i-2', 'UDP 30053 (TCP 30081) i-2']);
  assert.deepEqual(openings(it.aws).sort(), ['tcp 80 192.0.2.0/24', 'udp 53 192.0.2.0/24']);
  assert.deepEqual([...it.aws.listeners.values()].map(({ protocol, port }) => `${protocol} ${port}`).sort(), [
    'TCP 80',
    'UDP 53',
  ]);
});

test('with externalTrafficPolicy: Local nodes are asked at the health check port', async () => {
  const it = await world();
  await service(it, { externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 });
  await it.look();
  assert.deepEqual(targets(it.aws), ['TCP 30080 (HTTP 31000/healthz) ']);
});

test('another scheme is another load balancer', async () => {
  const it = await world();
  await service(it);
  await it.look();
  const annotations = { 'service.beta.kubernetes.io/aws-load-balancer-scheme': 'internet-facing' };
  await it.client.patch(resources.services, key, { metadata: { annotations } }, { type: 'merge' });
  await it.look();
  assert.deepEqual(
    [...it.aws.balancers.values()].map(({ scheme }) => scheme),
    ['internet-facing'],
  );
  assert.equal(it.aws.listeners.size, 1);
});

test('a deleted service waits until everything is gone, also what AWS lets go of late', async () => {
  const it = await world();
  await node(it, 'i-1');
  await service(it);
  await it.look();
  await it.client.delete(resources.services, key);
  it.aws.leftovers = true;
  await it.look();
  assert.equal(it.aws.balancers.size, 0);
  assert.ok((await it.client.get(resources.services, key)).metadata.deletionTimestamp);
  assert.ok((await readState(it.store)).due['load-balancers']);
  assert.ok((await told(it)).every((message) => !message.startsWith('Error')));
  it.aws.leftovers = false;
  await it.look(true);
  await assert.rejects(it.client.get(resources.services, key), /not found/);
  assert.equal(it.aws.groups.size + it.aws.targetGroups.size + it.aws.listeners.size, 0);
  assert.deepEqual((await readState(it.store)).due, {});
});

test('a service that becomes a node port loses its load balancer and its finalizer', async () => {
  const it = await world();
  await service(it);
  await it.look();
  const patch = { spec: { type: 'NodePort', loadBalancerClass: null } };
  await it.client.patch(resources.services, key, patch, { type: 'merge' });
  await it.look();
  assert.equal(it.aws.balancers.size, 0);
  assert.equal((await it.client.get(resources.services, key)).metadata.finalizers, undefined);
});

test('what AWS refuses is told, and tried again later; other services do not wait for it', async () => {
  const it = await world();
  await service(it);
  const message = 'The specified subnet does not exist';
  it.aws.failing.set('CreateLoadBalancer', { code: 'SubnetNotFound', message });
  await it.look();
  assert.deepEqual(await told(it), [`Error syncing load balancer: CreateLoadBalancer: SubnetNotFound: ${message}`]);
  assert.ok((await readState(it.store)).due['load-balancers']);
  await it.look(true);
  assert.equal((await hostnames(it)).length, 1);
  assert.deepEqual((await readState(it.store)).due, {});
});

test('what no Network Load Balancer can do is told, costs nothing, and is not tried again', async () => {
  const it = await world();
  await service(it, { ports: [{ port: 53, protocol: 'UDP', nodePort: 30053 }] });
  await it.look();
  assert.match((await told(it))[0] ?? '', /cannot be checked by UDP \(port 53\)/);
  assert.deepEqual(it.aws.changes, []);
  assert.deepEqual((await readState(it.store)).due, {});
});
