// Bad days of a cluster of functions, in simulated time: an agent that is cut off, a worker that is terminated, schedulers that want
// the same pod. SEED=N repeats a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { seededRandom } from '../../core/client/fixture/random.ts';
import { resources } from '../../core/client/resources.ts';
import { isReady } from '../../core/controllers/pod-state.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import type { Revision, Store } from '../../core/store/store.ts';
import { invoke } from '../../lambdas/host/reacting-function.ts';
import { schedulerFunction } from '../../lambdas/scheduler/function.ts';
import {
  bad,
  deployment,
  describe,
  edit,
  givenUp,
  isSettled,
  names,
  podsOf,
  settled,
  worldOf,
} from './functions/cluster.ts';
import { composeOver, seededIds, writeDefaults } from './functions/control-plane.ts';
import { Kubelet } from './functions/kubelet.ts';
import type { World } from './functions/world.ts';

const seed = Number(process.env['SEED'] ?? 1);
const minuteMs = 60_000;

/** Follows the pods' log: no pod may ever have two nodes. Returns how many pods got one. */
function bindingsOf(store: Store): () => Promise<number> {
  const nodes = new Map<string, string>();
  let since: Revision = 1;
  return async () => {
    const { changes, upTo } = await store.changesSince('pods', since);
    since = upTo;
    for (const { object } of changes) {
      const { nodeName } = object['spec'] as { nodeName?: string };
      if (!nodeName) continue;
      const { uid = '' } = object.metadata;
      assert.equal(nodeName, nodes.get(uid) ?? nodeName, `pod ${object.metadata.name} got a second node`);
      nodes.set(uid, nodeName);
    }
    return nodes.size;
  };
}

test(`an agent that is cut off for two minutes keeps its pods, and takes what came meanwhile (seed ${seed})`, async () => {
  const world = await worldOf({ ...bad, seed: seed * 32452843 }, 2);
  await world.client.create(resources.deployments, deployment(4, 'v1'));
  await settled(world, 4, 'v1');
  const before = await names(world);
  const [cutOff, other] = world.kubelets;
  const ownBefore = cutOff!.running;
  assert.ok(ownBefore > 0 && other!.running > 0, 'both nodes have pods');
  cutOff!.isDown = true;
  await edit(world, { replicas: 10 });
  const endMs = world.ports.clock.now() + 2 * minuteMs;
  while (world.ports.clock.now() < endMs) {
    await world.step();
    const well = (await podsOf(world)).filter(isReady).map(({ metadata }) => metadata.uid);
    assert.ok(
      before.every((uid) => well.includes(uid)),
      `a pod suffered: ${await describe(world)}`,
    );
  }
  const waiting = (await podsOf(world)).filter((pod) => pod.spec?.nodeName === cutOff!.name && !isReady(pod));
  assert.ok(waiting.length > 0, 'nothing came for it meanwhile');
  cutOff!.isDown = false;
  await settled(world, 10, 'v1');
  assert.equal(await givenUp(world), 0);
  const after = await names(world);
  assert.ok(before.every((uid) => after.includes(uid)));
  assert.equal(cutOff!.running + other!.running, 10);
});

test(`a worker that is terminated while it runs is gone at once, and its pods run elsewhere (seed ${seed})`, async () => {
  const world = await worldOf({ ...bad, seed: seed * 49979687 }, 3);
  await world.client.create(resources.deployments, deployment(6, 'v1'));
  await settled(world, 6, 'v1');
  const victim = world.kubelets.find(({ running }) => running > 0)!;
  const lost = (await podsOf(world)).filter(({ spec }) => spec?.nodeName === victim.name).length;
  const before = await names(world);
  // Another instance of the account, which is nobody's node.
  await world.machine('i-stranger', 'terminated');
  assert.equal((await nodeNames(world)).length, 3);
  victim.isDown = true;
  await world.machine(victim.name, 'terminated');
  assert.ok(!(await nodeNames(world)).includes(victim.name), 'its node stands still');
  const beganMs = world.ports.clock.now();
  const isElsewhere = async (): Promise<boolean> =>
    (await podsOf(world)).every(({ spec }) => spec?.nodeName !== victim.name) && (await isSettled(world, 6, 'v1'));
  await world.until(isElsewhere, () => describe(world));
  const tookMs = world.ports.clock.now() - beganMs;
  assert.ok(tookMs < 4 * minuteMs, `its pods were waited for as if it were only silent: ${tookMs} ms`);
  const after = await names(world);
  assert.equal(before.filter((uid) => after.includes(uid)).length, 6 - lost);
});

/** Processors that pods ask for and nodes do not have (4 each), node by node; pods that have ended count nothing. */
async function overfilled(world: World): Promise<string[]> {
  const asked = new Map<string, number>();
  for (const { spec, status } of await podsOf(world)) {
    if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
    const cpu = Number(spec.containers[0]?.resources?.requests?.['cpu'] ?? 0);
    asked.set(spec.nodeName, (asked.get(spec.nodeName) ?? 0) + cpu);
  }
  return [...asked].filter(([, cpu]) => cpu > 4).map(([name, cpu]) => `${name} has ${cpu}`);
}

test(`one scheduler at a time gives no node more than it has, while pods wait for each other's room (seed ${seed})`, async () => {
  const world = await worldOf({ ...bad, schedulers: 1, seed: seed * 67867967 }, 2);
  const web = deployment(12, 'v1');
  const { template } = web['spec'] as { template: { spec: { containers: { resources?: object }[] } } };
  template.spec.containers[0]!.resources = { requests: { cpu: '1' } };
  await world.client.create(resources.deployments, web);
  let deleted = 0;
  for (let i = 0; deleted < 12; i++) {
    assert.ok(i < 30_000, `nothing goes on: ${await describe(world)}`);
    await world.step();
    assert.deepEqual(await overfilled(world), []);
    if (i % 250 !== 249) continue;
    const running = (await podsOf(world)).filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp);
    const victim = world.random.pick(running);
    if (!victim) continue;
    deleted++;
    await world.client.delete(resources.pods, { namespace: 'default', name: victim.metadata.name });
  }
});

const nodeNames = async (world: World): Promise<string[]> =>
  (await world.store.list('nodes')).items.map(({ object }) => object.metadata.name ?? '');

const turns = async (): Promise<void> => {
  for (let i = 0; i < 30; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** One store, and schedulers over it: the writes to pods of one can be held back. */
async function schedulers() {
  const ports = manualPorts();
  const random = seededRandom(seed);
  const store = new MemoryStore({ now: () => ports.clock.now() });
  const plane = { store, clock: ports.clock, ids: seededIds(random), log: ports.log };
  await writeDefaults(plane);
  const client = (await composeOver(plane)).clientOf('user');
  for (const name of ['n1', 'n2']) await joined(name);
  await client.create(resources.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  });

  async function joined(name: string): Promise<void> {
    const kubelet = new Kubelet(name, client, ports.clock);
    await kubelet.register();
    await kubelet.sync();
    await client.patch(resources.nodes, { name }, { spec: { taints: null } }, { type: 'merge' });
  }

  const make = async () => {
    const held: (() => void)[] = [];
    const control = { isHeld: false };
    const own: Store = Object.create(store, {
      commit: {
        value: async (...[commit]: Parameters<Store['commit']>) => {
          if (control.isHeld && commit.resource === 'pods') await new Promise<void>((go) => held.push(go));
          return await store.commit(commit);
        },
      },
      get: { value: store.get.bind(store) },
      list: { value: store.list.bind(store) },
      changesSince: { value: store.changesSince.bind(store) },
      head: { value: store.head.bind(store) },
      onChange: { value: store.onChange.bind(store) },
    });
    const host = await composeOver({ ...plane, store: own });
    const reacting = schedulerFunction({ ...host, decode: () => [] });
    /** Begins an invocation that looks at everything; `ended` when it is over. */
    const look = () => {
      const state = { ended: false };
      const endMs = ports.clock.now() + minuteMs;
      void invoke(reacting, {}, () => endMs - ports.clock.now()).then(() => {
        state.ended = true;
      });
      return state;
    };
    return { control, held, look };
  };
  /** Lets time pass until it holds. */
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    for (let i = 0; i < 2_000 && !holds(); i++) {
      await turns();
      if (!holds()) ports.pass(10);
    }
    assert.ok(holds(), what);
  };
  const cordon = (name: string, unschedulable: boolean): Promise<unknown> =>
    client.patch(resources.nodes, { name }, { spec: { unschedulable } }, { type: 'merge' });
  const create = (name: string): Promise<KubeObject> =>
    client.create(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '3' } } }] },
    });
  const nodeOf = async (name: string): Promise<string | undefined> =>
    ((await client.get(resources.pods, { namespace: 'default', name }))['spec'] as { nodeName?: string }).nodeName;
  return { store, make, until, cordon, create, nodeOf };
}

test('two schedulers that chose different nodes for one pod: the first wins, and the other counts it where it is', async () => {
  const { store, make, until, cordon, create, nodeOf } = await schedulers();
  const bound = bindingsOf(store);
  const slow = await make();
  const fast = await make();
  await create('a');
  await cordon('n1', true);
  slow.control.isHeld = true;
  const held = slow.look();
  await until('the slow one has decided', () => slow.held.length > 0);
  await cordon('n1', false);
  await cordon('n2', true);
  const quick = fast.look();
  await until('the fast one is done', () => quick.ended);
  assert.equal(await nodeOf('a'), 'n1');
  slow.control.isHeld = false;
  for (const go of slow.held.splice(0)) go();
  await until('the slow one is done', () => held.ended);
  assert.equal(await nodeOf('a'), 'n1');
  assert.equal(await bound(), 1);
  // A pod takes most of a node: the loser must count `a` on n1, and on n2 no more.
  await cordon('n2', false);
  await create('b');
  const again = slow.look();
  await until('the loser is done', () => again.ended);
  assert.equal(await nodeOf('b'), 'n2');
  assert.equal(await bound(), 2);
});
