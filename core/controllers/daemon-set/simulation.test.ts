// Daemon sets in the hands of two instances with caches that lag, under a bad network, from seeds: no node has two pods beyond
// the surge, no more nodes than allowed are without one at once, and none loses the pod that it should have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../../test/turns.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { DaemonSetSpec } from '../../api/types.gen.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { seededRandom } from '../../client/fixture/random.ts';
import { resources } from '../../client/resources.ts';
import { Instances, imageOf, lagging, nodesAct, podsOf, type Stage } from '../fixture/instances.ts';
import { isActive, isReady, type StoredPod } from '../pod-state.ts';
import { type StoredDaemonSet, targetNodeOf } from './nodes.ts';

const seeds = Number(process.env['SEEDS'] ?? 12);
const first = Number(process.env['SEED'] ?? 1);

const key = { namespace: 'kube-system', name: 'agent' };

interface World extends Stage {
  instances: Instances;
  maxSurge: number;
  maxUnavailable: number;
  /** Generations for which all pods were as asked for at some moment. */
  complete: Set<number>;
  /** Nodes that joined or changed after the last time that all was settled. */
  moving: Set<string>;
  faults: string[];
  /** By version of the set: made by who was overtaken by a change of it between its look and its request; soon removed. */
  overtaken: Map<string, string>;
}

const setOf = ({ api }: Stage): StoredDaemonSet => api.find(resources.daemonSets, key) as unknown as StoredDaemonSet;
const wantedImage = (world: Stage): string => imageOf(setOf(world).spec!.template);
const isFor = ({ metadata }: KubeObject): boolean => metadata.labels?.['agent'] === 'yes';
const wantedNodes = ({ api }: Stage): string[] =>
  api
    .objects(resources.nodes)
    .filter(isFor)
    .map(({ metadata }) => metadata.name ?? '');
const onNode = (world: Stage, node: string): StoredPod[] => podsOf(world).filter((pod) => targetNodeOf(pod) === node);

const describe = (world: World): string =>
  JSON.stringify({
    set: setOf(world),
    nodes: world.api.objects(resources.nodes).map((node) => [node.metadata.name, isFor(node)]),
    pods: podsOf(world).map((pod) => [
      pod.metadata.name,
      pod.metadata.uid,
      targetNodeOf(pod),
      imageOf(pod),
      isActive(pod),
      isReady(pod),
    ]),
    log: world.ports.lines.slice(-10),
  });

const template = (image: string) => ({
  metadata: { labels: { app: 'agent' } },
  spec: { nodeSelector: { agent: 'yes' }, containers: [{ name: 'c', image }] },
});

function edit({ api }: World, change: Partial<DaemonSetSpec>): void {
  const set = setOf({ api } as Stage);
  api.update(resources.daemonSets, { ...set, spec: { ...set.spec, ...change } } as unknown as KubeObject);
}

const isAsAsked = (world: World): boolean => {
  const standing = podsOf(world).filter(isActive);
  const nodes = wantedNodes(world);
  return (
    standing.length === nodes.length &&
    nodes.every((node) => onNode(world, node).some(isActive)) &&
    standing.every((pod) => isReady(pod) && imageOf(pod) === wantedImage(world))
  );
};

function judgeCreation(world: World, pod: StoredPod): void {
  const node = targetNodeOf(pod) ?? '';
  const beside = onNode(world, node).filter((one) => one.metadata.uid !== pod.metadata.uid);
  const isOneTooMany = beside.length > world.maxSurge;
  if (!isOneTooMany && imageOf(pod) === wantedImage(world)) return;
  const text = `${pod.metadata.name} is made on ${node} beside ${beside.length}: ${describe(world)}`;
  world.overtaken.set(setOf(world).metadata.resourceVersion ?? '', text);
}

/** What is taken: never the only pod that is as asked for, and never one beside too many others that are down. */
function judgeDeletion(world: World, pod: StoredPod, fault: (text: string) => void): void {
  const node = targetNodeOf(pod) ?? '';
  if (!wantedNodes(world).includes(node)) return;
  const others = onNode(world, node).filter((one) => isActive(one) && one.metadata.uid !== pod.metadata.uid);
  if (imageOf(pod) === wantedImage(world) && others.length === 0) {
    fault(`${pod.metadata.name} is taken although it is as asked for`);
  }
  const isUp = (name: string): boolean =>
    onNode(world, name).some((one) => isActive(one) && isReady(one) && one.metadata.uid !== pod.metadata.uid);
  const down = wantedNodes(world).filter((name) => !isUp(name) && !world.moving.has(name));
  if (down.length > world.maxUnavailable) fault(`${pod.metadata.name} is taken, ${down.length} nodes are down`);
}

function judgeStatus(world: World, object: KubeObject, fault: (text: string) => void): void {
  const { status, metadata } = object as unknown as StoredDaemonSet;
  const { desiredNumberScheduled, updatedNumberScheduled, numberAvailable, observedGeneration = 0 } = status ?? {};
  const claims = updatedNumberScheduled === desiredNumberScheduled && numberAvailable === desiredNumberScheduled;
  if (!claims || observedGeneration !== metadata.generation) return;
  if (isAsAsked(world)) world.complete.add(observedGeneration);
  if (world.moving.size === 0 && !world.complete.has(observedGeneration)) {
    fault('the status tells of an end that was not reached');
  }
}

function judge(world: World): void {
  const fault = (text: string): void => void world.faults.push(`${text}: ${describe(world)}`);
  world.api.onWrite = (verb, of, object) => {
    if (of.plural === 'daemonsets') return judgeStatus(world, object, fault);
    if (of.plural !== 'pods') return;
    if (isAsAsked(world)) world.complete.add(setOf(world).metadata.generation ?? 0);
    if (verb === 'create') judgeCreation(world, object as unknown as StoredPod);
    // An end that a node reports follows on a deletion that was judged.
    const isDeletion = verb === 'delete' || (verb === 'remove' && !object.metadata.deletionTimestamp);
    if (isDeletion) judgeDeletion(world, object as unknown as StoredPod, fault);
  };
}

const isSettled = (world: World): boolean => {
  const { status, metadata } = setOf(world);
  const total = wantedNodes(world).length;
  return (
    isAsAsked(world) &&
    podsOf(world).length === total &&
    status?.observedGeneration === metadata.generation &&
    status?.numberAvailable === total &&
    status?.updatedNumberScheduled === total
  );
};

async function settle(world: World, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await turns(3);
    assert.deepEqual(world.faults, []);
    if (isSettled(world)) {
      world.moving.clear();
      return;
    }
    nodesAct(world, (pod) => targetNodeOf(pod) ?? '');
    if (world.random.chance(0.01)) {
      world.instances.kill();
      world.instances.start(lagging);
    }
    if (world.random.chance(0.01)) world.api.expireLog(resources.pods);
    world.ports.pass(world.random.chance(0.1) ? 20_000 : 50);
  }
  assert.fail(`not settled: ${describe(world)}`);
}

function addNode(world: World, name: string): void {
  const metadata = { name, labels: { agent: 'yes' } };
  world.moving.add(name);
  world.api.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata, spec: {} });
}

function newWorld(seed: number): World {
  const ports = manualPorts();
  const stage: Stage = { api: new FakeApi(ports), ports, random: seededRandom(seed * 7919) };
  const maxSurge = stage.random.below(2);
  const world: World = {
    ...stage,
    instances: new Instances(stage, ['daemon-set'], turns),
    maxSurge,
    maxUnavailable: maxSurge > 0 ? 0 : 1 + stage.random.below(2),
    complete: new Set(),
    moving: new Set(),
    faults: [],
    overtaken: new Map(),
  };
  for (let i = 3 + stage.random.below(4); i > 0; i--) addNode(world, `n${i}`);
  const { maxUnavailable } = world;
  const spec = {
    selector: { matchLabels: { app: 'agent' } },
    template: template('v1'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  };
  stage.api.create(resources.daemonSets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { ...key }, spec });
  return world;
}

for (let seed = first; seed < first + seeds; seed++) {
  test(`two instances keep one pod of a daemon set on each node (seed ${seed})`, async () => {
    const world = newWorld(seed);
    judge(world);
    for (let i = 0; i < 2; i++) world.instances.start(lagging);
    await settle(world, 4_000);
    for (let step = 0; step < 6; step++) {
      const dice = world.random.below(4);
      if (dice === 0) addNode(world, `m${step}`);
      else if (dice === 1) {
        const node = world.random.pick(world.api.objects(resources.nodes))!;
        world.moving.add(node.metadata.name ?? '');
        const labels = { agent: isFor(node) ? 'no' : 'yes' };
        world.api.update(resources.nodes, { ...node, metadata: { ...node.metadata, labels } });
      } else edit(world, { template: template(`v${1 + world.random.below(3)}`) });
      await settle(world, 4_000);
    }
    assert.ok(world.overtaken.size <= 2, [...world.overtaken.values()].join('\n'));
    await world.instances.killAll();
  });
}
