// From a pod that fits nowhere to a worker, and from an idle worker to none, over the real API.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveConfig } from '../../agent/config.ts';
import type { NodeFacts } from '../../agent/node-facts.ts';
import { nodeLabels } from '../../agent/node-status.ts';
import type { GroupState } from '../../aws/workers.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { seededRandom } from '../../core/client/fixture/random.ts';
import { resources } from '../../core/client/resources.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { composeOver, seededIds, writeDefaults } from '../../test/simulation/functions/control-plane.ts';
import { agentConfig } from '../../worker/instance-files.ts';
import { readState } from '../host/function-state.ts';
import { offerOf, workersFunction } from './function.ts';

const type = { type: 't4g.medium', cpuMilli: 2000, memoryMiB: 4096, arch: 'arm64' };

const marks = { region: 'eu-west-1', labels: { team: 'shop' }, taints: [] };

async function world() {
  const host = manualPorts();
  const store = new MemoryStore();
  const plane = { store, clock: host.clock, ids: seededIds(seededRandom(1)), log: host.log };
  await writeDefaults(plane);
  const composed = await composeOver(plane);
  const state: GroupState = { desired: 0, minimum: 0, maximum: 9, zone: undefined, rebalances: true, instances: [] };
  const calls: string[] = [];
  const group = {
    describe: async () => structuredClone(state),
    async setDesired(count: number) {
      calls.push(`desired ${count}`);
      state.desired = count;
    },
    async stopRebalancing() {
      calls.push('stop rebalancing');
      state.rebalances = false;
    },
    async end(id: string) {
      calls.push(`end ${id}`);
      if (!state.instances.some((one) => one.id === id)) return;
      state.instances = state.instances.filter((one) => one.id !== id);
      state.desired--;
    },
    offers: async () => [type],
  };
  const make = () =>
    workersFunction({ ...composed, group, types: ['t4g.medium'], marks, minimum: 0, maximum: 3, idleMs: 600_000 });
  return { host, store, state, calls, group, make, client: composed.clientOf('user') };
}

type World = Awaited<ReturnType<typeof world>>;

/** One whose group is already as it should be. */
async function settledWorld(): Promise<World> {
  const it = await world();
  it.state.rebalances = false;
  return it;
}

async function waitingPod({ client }: World, name: string): Promise<void> {
  const container = { name: 'c', image: 'v1', resources: { requests: { cpu: '1500m' } } };
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [container] },
  };
  await client
    .create(resources.serviceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'default' },
    })
    .catch(() => undefined);
  await client.create(resources.pods, pod);
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }];
  const options = { type: 'strategic', subresource: 'status' } as const;
  await client.patch(resources.pods, { namespace: 'default', name }, { status: { conditions } }, options);
}

async function join({ client, state }: World, name: string): Promise<void> {
  state.instances.push({ id: name, launchedMs: undefined });
  await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  // What the controllers do once it is ready.
  await client.patch(resources.nodes, { name }, { spec: { taints: null } }, { type: 'merge' });
  const quantities = { cpu: '2', memory: '3Gi', pods: '110' };
  const status = { allocatable: quantities, capacity: quantities, conditions: [{ type: 'Ready', status: 'True' }] };
  await client.patch(resources.nodes, { name }, { status }, { type: 'strategic', subresource: 'status' });
}

const isCordoned = async ({ client }: World, name: string): Promise<boolean> =>
  Boolean(((await client.get(resources.nodes, { name }))['spec'] as { unschedulable?: boolean }).unschedulable);

test('two looks at once start what is needed once, and never more than the limit', async () => {
  const it = await settledWorld();
  for (const name of ['a', 'b']) await waitingPod(it, name);
  await Promise.all([it.make().look(false), it.make().look(true)]);
  assert.deepEqual(new Set(it.calls), new Set(['desired 2']));
  for (const name of ['c', 'd', 'e']) await waitingPod(it, name);
  await it.make().look(false);
  assert.equal(it.state.desired, 3);
  // It asks to be looked at again while workers are on their way.
  assert.ok((await readState(it.store)).due.workers! <= it.host.clock.now() + 60_000);
});

test('an idle worker is cordoned, then ended, each look by a function that knows nothing', async () => {
  const it = await settledWorld();
  it.state.desired = 1;
  await join(it, 'i-1');
  await it.make().look(false);
  it.host.pass(600_000);
  await Promise.all([it.make().look(true), it.make().look(true)]);
  assert.ok(await isCordoned(it, 'i-1'));
  assert.deepEqual(it.calls, []);
  it.host.pass(60_000);
  await Promise.all([it.make().look(true), it.make().look(true)]);
  assert.deepEqual(new Set(it.calls), new Set(['end i-1']));
  assert.equal(it.state.desired, 0);
});

test('a pod that arrives frees its worker again', async () => {
  const it = await settledWorld();
  it.state.desired = 1;
  await join(it, 'i-1');
  await it.make().look(false);
  it.host.pass(600_000);
  await it.make().look(true);
  await waitingPod(it, 'late');
  await it.make().look(false);
  assert.equal(await isCordoned(it, 'i-1'), false);
  assert.deepEqual(it.calls, []);
});

test('with no worker and nothing that waits nobody is asked to look again', async () => {
  const it = await settledWorld();
  await it.make().look(true);
  assert.deepEqual((await readState(it.store)).due, {});
  assert.deepEqual(it.calls, []);
});

test('AWS is told once not to move workers between zones; one that knows no such thing does no harm', async () => {
  const it = await world();
  await it.make().look(false);
  await it.make().look(false);
  assert.deepEqual(it.calls, ['stop rebalancing']);
  it.state.rebalances = true;
  it.group.stopRebalancing = async () => {
    throw new Error('no such action');
  };
  await waitingPod(it, 'a');
  await it.make().look(false);
  assert.deepEqual(it.calls, ['stop rebalancing', 'desired 1']);
});

test('a look that AWS does not let through is due again in a minute: nobody else asks for these pods again', async () => {
  const it = await settledWorld();
  const { setDesired } = it.group;
  it.group.setDesired = async () => {
    throw new Error('Rate exceeded');
  };
  await waitingPod(it, 'a');
  await assert.rejects(it.make().look(false), /Rate exceeded/);
  assert.equal((await readState(it.store)).due.workers, it.host.clock.now() + 60_000);
  it.group.setDesired = setDesired;
  it.host.pass(60_000);
  await it.make().look(true);
  assert.deepEqual(it.calls, ['desired 1']);
});

test('of several types a new worker has the least of each', () => {
  const large = { type: 'm7i.large', cpuMilli: 4000, memoryMiB: 2048, arch: 'amd64' };
  assert.deepEqual(offerOf([type, large], marks), {
    labels: {
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/region': 'eu-west-1',
      team: 'shop',
    },
    taints: [],
    allocatable: { cpu: '1900m', memory: '1510Mi', 'ephemeral-storage': '29184Mi', pods: '61' },
  });
});

/** Of the instance, and not to be chosen. */
const knownLater = { 'kubernetes.io/hostname': '', 'topology.k8s.aws/zone-id': '' };

test('of one type, and in one zone, it has the labels that a worker registers with', () => {
  const instance = {
    id: 'i-1',
    address: '10.0.1.23',
    region: 'eu-west-1',
    zone: 'eu-west-1a',
    zoneId: 'euw1-az1',
    type: 't4g.medium',
    vpcBlocks: ['10.0.0.0/16'],
  };
  const settings = { cluster: 'shop', region: 'eu-west-1', parameters: '/slipway/shop', labels: marks.labels };
  const parts = { settings, instance, mtu: 9001, cluster: { apiUrl: '', ca: '' }, cniPlugins: '', runc: '' };
  const facts = { info: { architecture: 'arm64' } } as NodeFacts;
  const registered = nodeLabels(resolveConfig(agentConfig(parts)), facts);
  assert.deepEqual({ ...offerOf([type], marks, 'eu-west-1a').labels, ...knownLater }, { ...registered, ...knownLater });
  assert.ok(Object.keys(knownLater).every((key) => key in registered));
});
