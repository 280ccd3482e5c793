// Deployments under a bad network, with crashes, from seeds: the pods are always within what the strategy allows, and in the
// end all is as asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import type { KubeObject } from '../api/objects.ts';
import { FakeApi } from '../client/fixture/fake-api.ts';
import type { FaultRates } from '../client/fixture/faulty-client.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { seededRandom } from '../client/fixture/random.ts';
import { resources } from '../client/resources.ts';
import { Instances, lagging, nodesAct, podsOf, type Stage } from './fixture/instances.ts';
import { isActive, isReady } from './pod-state.ts';

const seeds = Number(process.env['SEEDS'] ?? 12);
const first = Number(process.env['SEED'] ?? 1);

interface World extends Stage {
  /** Pods that were one too many when they were made. */
  surplus: string[];
  instances: Instances;
}

const none: FaultRates = { refused: 0, lostAnswer: 0, watchEnds: 0, repeated: 0, delayed: 0 };
const bad: FaultRates = { refused: 0.08, lostAnswer: 0.08, watchEnds: 0.05, repeated: 0.1, delayed: 0.5 };
const only = ['deployment', 'replica-set'];

const key = { namespace: 'default', name: 'web' };

function deployment(replicas: number, maxSurge: number | string, maxUnavailable: number | string): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...key },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    },
  };
}

interface Limits {
  most: number;
  least: number;
}

function edit(world: World, change: (spec: Record<string, unknown>) => Record<string, unknown>): void {
  const current = world.api.find(resources.deployments, key)!;
  const spec = change(current['spec'] as Record<string, unknown>);
  world.api.update(resources.deployments, { ...current, spec });
}

const setImage = (world: World, image: string): void =>
  edit(world, (spec) => ({
    ...spec,
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
  }));

const describe = (world: World): string =>
  JSON.stringify({
    deployment: world.api.find(resources.deployments, key),
    sets: world.api.objects(resources.replicaSets).map((rs) => [rs.metadata, rs['spec'], rs['status']]),
    pods: podsOf(world).map((pod) => [pod.metadata.name, pod.metadata.deletionTimestamp, isReady(pod)]),
    log: world.ports.lines.slice(-20),
  });

const specReplicas = (rs: KubeObject): number => (rs['spec'] as { replicas: number }).replicas;

/** What was asked for never exceeds the surge, and what is available never falls below what must be. */
function assertLimits(world: World, { most, least }: Limits): void {
  const asked = world.api.objects(resources.replicaSets).reduce((sum, rs) => sum + specReplicas(rs), 0);
  assert.ok(asked <= most, `${asked} replicas asked for, at most ${most}: ${describe(world)}`);
  const ready = podsOf(world).filter((pod) => isActive(pod) && isReady(pod)).length;
  assert.ok(ready >= least, `${ready} available, at least ${least}: ${describe(world)}`);
}

/** A replica set never makes a pod beyond its size (or the size it had just before, which it may not have heard of yet). */
function refuseSurplus(world: World): void {
  const sizes = new Map<string, number[]>();
  world.api.onWrite = (verb, of, object) => {
    const uid = object.metadata.uid ?? '';
    if (of.plural === 'replicasets' && verb !== 'status')
      sizes.set(uid, [...(sizes.get(uid) ?? []), specReplicas(object)]);
    if (of.plural !== 'pods' || verb !== 'create') return;
    const owner = object.metadata.ownerReferences?.[0]?.uid ?? '';
    const own = podsOf(world).filter((pod) => isActive(pod) && pod.metadata.ownerReferences?.[0]?.uid === owner);
    const most = Math.max(...(sizes.get(owner) ?? []).slice(-2));
    if (own.length > most) world.surplus.push(`${own.length} pods of ${most}: ${describe(world)}`);
  };
}

const isSettled = (world: World, replicas: number, image: string): boolean => {
  const all = podsOf(world);
  const { status } = world.api.find(resources.deployments, key) as { status?: Record<string, unknown> };
  return (
    all.length === replicas &&
    all.every((pod) => isActive(pod) && isReady(pod) && pod.spec?.containers[0]?.image === image) &&
    status?.['updatedReplicas'] === replicas &&
    status?.['availableReplicas'] === replicas
  );
};

async function runUntil(world: World, check: () => void, done: () => boolean, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await turns(4);
    check();
    nodesAct(world);
    check();
    if (done()) return;
    world.ports.pass(world.random.chance(0.1) ? 2_000 : 50);
  }
  assert.fail(`not settled: ${describe(world)}`);
}

function newWorld(seed: number): World {
  const ports = manualPorts();
  const stage: Stage = { api: new FakeApi(ports), ports, random: seededRandom(seed) };
  const world: World = { ...stage, surplus: [], instances: new Instances(stage, only, turns) };
  refuseSurplus(world);
  return world;
}

const casts = [
  { who: 'one instance', rates: [bad] },
  { who: 'two instances with caches that lag', rates: [lagging, lagging] },
];

for (let i = 0; i < 2 * seeds; i++) {
  const { who, rates } = casts[i % 2]!;
  const seed = first + Math.floor(i / 2);
  test(`a rollout by ${who}, with crashes, stays within surge and availability (seed ${seed})`, async () => {
    const world = newWorld(seed);
    const replicas = 3 + world.random.below(5);
    const surge = world.random.below(3);
    const unavailable = surge === 0 ? 1 + world.random.below(2) : world.random.below(2);
    world.api.create(resources.deployments, deployment(replicas, surge, unavailable));
    for (const rate of rates) world.instances.start(rate);
    const starting = { most: replicas + surge, least: 0 };
    await runUntil(
      world,
      () => assertLimits(world, starting),
      () => isSettled(world, replicas, 'v1'),
      3_000,
    );
    const rolling = { most: replicas + surge, least: replicas - unavailable };
    for (const image of ['v2', 'v3', 'v1']) {
      setImage(world, image);
      let crashes = 3;
      const check = (): void => {
        assertLimits(world, rolling);
        if (crashes > 0 && world.random.chance(0.03)) {
          crashes--;
          world.instances.kill();
          world.instances.start(rates[0]!);
        }
      };
      await runUntil(world, check, () => isSettled(world, replicas, image), 3_000);
    }
    assert.ok(world.api.objects(resources.replicaSets).length <= 4);
    assert.deepEqual(world.surplus, []);
    await world.instances.killAll();
  });
}

for (let seed = first; seed < first + seeds; seed++) {
  test(`two instances at once, scaling and pods that vanish: all converges (seed ${seed})`, async () => {
    const world = newWorld(seed * 7919);
    world.api.create(resources.deployments, deployment(4, '25%', '25%'));
    world.instances.start(bad);
    world.instances.start(none);
    let replicas = 4;
    let image = 'v1';
    for (let step = 0; step < 12; step++) {
      const dice = world.random.below(4);
      if (dice === 0) {
        replicas = world.random.below(9);
        edit(world, (spec) => ({ ...spec, replicas }));
      } else if (dice === 1) {
        image = `v${world.random.below(4)}`;
        setImage(world, image);
      } else if (dice === 2) {
        const pod = world.random.pick(podsOf(world));
        if (pod) world.api.remove(resources.pods, { namespace: 'default', name: pod.metadata.name });
      } else {
        world.api.expireLog(resources.pods);
      }
      for (let i = world.random.below(30); i > 0; i--) {
        await turns(2);
        nodesAct(world);
        world.ports.pass(50);
      }
    }
    await runUntil(
      world,
      () => {},
      () => isSettled(world, replicas, image),
      4_000,
    );
    await world.instances.killAll();
  });
}
