// Stateful sets in the hands of two instances with caches that lag, under a bad network, from seeds: one pod after the other is
// replaced, none is taken that is as asked for, and the status tells nothing that never was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../../test/turns.ts';
import type { KubeObject, Stored } from '../../api/objects.ts';
import type { ControllerRevision, StatefulSetSpec } from '../../api/types.gen.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { seededRandom } from '../../client/fixture/random.ts';
import { resources } from '../../client/resources.ts';
import { Instances, imageOf, lagging, nodesAct, podsOf, type Stage } from '../fixture/instances.ts';
import { isActive, isReady, type StoredPod } from '../pod-state.ts';
import { ordinalOf, replicasOf, type StoredStatefulSet } from './pods.ts';

const seeds = Number(process.env['SEEDS'] ?? 12);
const first = Number(process.env['SEED'] ?? 1);

const key = { namespace: 'default', name: 'db' };

interface World extends Stage {
  instances: Instances;
  /** Edits of the template, the first one included. */
  templates: number;
  /** Generations for which all pods were as asked for at some moment. */
  complete: Set<number>;
  faults: string[];
  /** By version of the set: made by who was overtaken by an edit between its look and its request; soon replaced. */
  overtaken: Map<string, string>;
}

const setOf = (world: Stage): StoredStatefulSet =>
  world.api.find(resources.statefulSets, key) as unknown as StoredStatefulSet;
const wantedImage = (world: Stage): string => imageOf(setOf(world).spec!.template);
const partitionOf = ({ spec }: StoredStatefulSet): number => spec?.updateStrategy?.rollingUpdate?.partition ?? 0;

const template = (image: string) => ({
  metadata: { labels: { app: 'db' } },
  spec: { containers: [{ name: 'c', image }] },
});

function edit(world: World, change: Partial<StatefulSetSpec>): void {
  const set = setOf(world);
  world.api.update(resources.statefulSets, { ...set, spec: { ...set.spec, ...change } } as unknown as KubeObject);
}

const describe = (world: World): string =>
  JSON.stringify({
    set: setOf(world),
    pods: podsOf(world).map((pod) => [pod.metadata.name, imageOf(pod), isActive(pod), isReady(pod)]),
    revisions: world.api
      .objects(resources.controllerRevisions)
      .map(({ metadata, ...rest }) => [metadata.name, rest['revision']]),
  });

const isAsAsked = (world: World): boolean => {
  const standing = podsOf(world).filter(isActive);
  const image = wantedImage(world);
  const isOld = (pod: StoredPod): boolean => (ordinalOf(setOf(world), pod) ?? 0) < partitionOf(setOf(world));
  return (
    standing.length === replicasOf(setOf(world)) &&
    standing.every((pod) => isReady(pod) && (imageOf(pod) === image || isOld(pod)))
  );
};

/** What controllers do to pods is judged by the set as it is now. */
function judge(world: World): void {
  const fault = (text: string): void => void world.faults.push(`${text}: ${describe(world)}`);
  world.api.onWrite = (verb, of, object) => {
    if (of.plural === 'statefulsets') return judgeStatus(world, object, fault);
    if (of.plural !== 'pods') return;
    if (isAsAsked(world)) world.complete.add(setOf(world).metadata.generation ?? 0);
    const pod = object as unknown as StoredPod;
    const ordinal = ordinalOf(setOf(world), pod) ?? -1;
    const beyond = ordinal >= replicasOf(setOf(world));
    // An end that a node reports follows on a deletion that was judged.
    const isDeletion = verb === 'delete' || (verb === 'remove' && !object.metadata.deletionTimestamp);
    const isWrong = beyond || (ordinal >= partitionOf(setOf(world)) && imageOf(pod) !== wantedImage(world));
    if (verb === 'create' && isWrong) {
      const text = `${pod.metadata.name} is made as it was asked for before: ${describe(world)}`;
      world.overtaken.set(setOf(world).metadata.resourceVersion ?? '', text);
    }
    if (!isDeletion || beyond) return;
    if (imageOf(pod) === wantedImage(world)) fault(`${pod.metadata.name} is taken although it is as asked for`);
    if (ordinal < partitionOf(setOf(world))) fault(`${pod.metadata.name} is taken below the partition`);
    const down = podsOf(world).filter((one) => !isActive(one) || !isReady(one));
    if (down.some((one) => one.metadata.uid !== pod.metadata.uid))
      fault(`${pod.metadata.name} is taken beside another`);
  };
}

function judgeStatus(world: World, object: KubeObject, fault: (text: string) => void): void {
  const { status = {} as never, metadata } = object as unknown as StoredStatefulSet;
  const { updatedReplicas, readyReplicas, replicas, observedGeneration = 0 } = status;
  const claims = [updatedReplicas, readyReplicas, replicas].every((count) => count === replicasOf(setOf(world)));
  if (!claims || partitionOf(setOf(world)) > 0 || observedGeneration !== metadata.generation) return;
  if (isAsAsked(world)) world.complete.add(observedGeneration);
  if (!world.complete.has(observedGeneration)) fault('the status tells of an end that was not reached');
}

const isSettled = (world: World): boolean => {
  const { status, metadata } = setOf(world);
  const total = replicasOf(setOf(world));
  return (
    isAsAsked(world) &&
    podsOf(world).length === total &&
    status?.observedGeneration === metadata.generation &&
    status?.availableReplicas === total &&
    status?.updatedReplicas === podsOf(world).filter((pod) => imageOf(pod) === wantedImage(world)).length
  );
};

/** Numbers of revisions follow from the edits of the template; one raise may be overtaken by an edit, and is made good. */
function assertWorld(world: World): void {
  assert.deepEqual(world.faults, []);
  const revisions = world.api.objects(resources.controllerRevisions) as unknown as Stored<ControllerRevision>[];
  const highest = Math.max(0, ...revisions.map(({ revision }) => revision));
  assert.ok(highest <= world.templates + 1, `revision ${highest} of ${world.templates} templates: ${describe(world)}`);
}

async function settle(world: World, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await turns(3);
    assertWorld(world);
    if (isSettled(world)) return;
    nodesAct(world);
    if (world.random.chance(0.01)) {
      world.instances.kill();
      world.instances.start(lagging);
    }
    if (world.random.chance(0.01)) world.api.expireLog(resources.pods);
    world.ports.pass(world.random.chance(0.1) ? 20_000 : 50);
  }
  assert.fail(`not settled: ${describe(world)}`);
}

function newWorld(seed: number): World {
  const ports = manualPorts();
  const stage: Stage = { api: new FakeApi(ports), ports, random: seededRandom(seed * 7919) };
  const world: World = {
    ...stage,
    instances: new Instances(stage, ['stateful-set'], turns),
    templates: 1,
    complete: new Set(),
    faults: [],
    overtaken: new Map(),
  };
  const spec = {
    replicas: 2 + stage.random.below(4),
    serviceName: 'db',
    podManagementPolicy: stage.random.chance(0.3) ? 'Parallel' : 'OrderedReady',
    selector: { matchLabels: { app: 'db' } },
    template: template('v1'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
  };
  stage.api.create(resources.statefulSets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { ...key }, spec });
  return world;
}

for (let seed = first; seed < first + seeds; seed++) {
  test(`two instances replace the pods of a stateful set one by one (seed ${seed})`, async () => {
    const world = newWorld(seed);
    for (let i = 0; i < 2; i++) world.instances.start(lagging);
    await settle(world, 4_000);
    judge(world);
    for (let step = 0; step < 8; step++) {
      const dice = world.random.below(4);
      if (dice === 0) edit(world, { replicas: 1 + world.random.below(5) });
      else if (dice === 1) {
        const partition = world.random.below(3);
        edit(world, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } } });
      } else {
        world.templates++;
        edit(world, { template: template(`v${1 + world.random.below(3)}`) });
      }
      await settle(world, 4_000);
    }
    assert.ok(world.overtaken.size <= 1, [...world.overtaken.values()].join('\n'));
    await world.instances.killAll();
  });
}
