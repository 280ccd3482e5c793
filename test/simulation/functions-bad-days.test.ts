// Bad days of a cluster of functions, in simulated time: an agent that is cut off, a worker that is terminated, schedulers that want
// the same pod. SEED=N repeats a run, SEEDS=N makes more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resources } from '../../core/client/resources.ts';
import { isReady, type StoredPod } from '../../core/controllers/pod-state.ts';
import { checkBindings, checkTables } from './functions/checks.ts';
import {
  deployed,
  deployment,
  describe,
  edit,
  givenUp,
  isSettled,
  names,
  podsOf,
  settled,
  until,
  worldOf,
} from './functions/cluster.ts';
import { bad, first, seeds } from './functions/options.ts';
import { SchedulerRace } from './functions/scheduler-race.ts';
import type { World } from './functions/world.ts';

const minuteMs = 60_000;

const nodeNames = (world: World): string[] => world.objects('nodes').map(({ metadata }) => metadata.name ?? '');

/** Processors that pods ask for and nodes do not have (4 each), node by node; pods that have ended count nothing. */
function overfilled(world: World): string[] {
  const asked = new Map<string, number>();
  for (const { spec, status } of podsOf(world)) {
    if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') continue;
    const cpu = Number(spec.containers[0]?.resources?.requests?.['cpu'] ?? 0);
    asked.set(spec.nodeName, (asked.get(spec.nodeName) ?? 0) + cpu);
  }
  return [...asked].filter(([, cpu]) => cpu > 4).map(([name, cpu]) => `${name} has ${cpu}`);
}

for (let seed = first; seed < first + seeds; seed++) {
  test(`an agent that is cut off for two minutes keeps its pods, and takes what came meanwhile (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 32452843 }, 2);
    await deployed(world, 4);
    const before = names(world);
    const cutOff = world.kubelets.find(({ running }) => running > 0)!;
    cutOff.isDown = true;
    await edit(world, { replicas: 10 });
    const nobodySuffers = (): void => {
      const well = new Set(
        podsOf(world)
          .filter(isReady)
          .map(({ metadata }) => metadata.uid),
      );
      assert.ok(
        before.every((uid) => well.has(uid)),
        `a pod suffered: ${describe(world)}`,
      );
    };
    await world.run(2 * minuteMs, nobodySuffers);
    await until(world, () => {
      nobodySuffers();
      return podsOf(world).some((pod) => pod.spec?.nodeName === cutOff.name && !isReady(pod));
    });
    cutOff.isDown = false;
    await settled(world, 10, 'v1');
    assert.equal(givenUp(world), 0);
    const after = names(world);
    assert.ok(before.every((uid) => after.includes(uid)));
    // A node whose report was taken but got no answer has yet to hear so.
    await until(world, () => world.kubelets.reduce((sum, { running }) => sum + running, 0) === 10);
    checkTables(world);
  });

  test(`a worker that is terminated while it runs is gone at once, and its pods run elsewhere (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 49979687 }, 3);
    await deployed(world, 6);
    const victim = world.kubelets.find(({ running }) => running > 0)!;
    const lost = podsOf(world).filter(({ spec }) => spec?.nodeName === victim.name).length;
    const before = names(world);
    // Another instance of the account, which is nobody's node.
    await world.machine('i-stranger', 'terminated');
    assert.equal(nodeNames(world).length, 3);
    victim.isDown = true;
    await world.machine(victim.name, 'terminated');
    assert.ok(!nodeNames(world).includes(victim.name), 'its node stands still');
    const beganMs = world.time.now;
    await until(
      world,
      () => podsOf(world).every(({ spec }) => spec?.nodeName !== victim.name) && isSettled(world, 6, 'v1'),
    );
    const tookMs = world.time.now - beganMs;
    // Of a node that is only silent they would be waited for longer: five minutes' lease, then five minutes' toleration.
    assert.ok(tookMs < 9 * minuteMs, `its pods were waited for as if it were only silent: ${tookMs} ms`);
    const after = names(world);
    assert.equal(before.filter((uid) => after.includes(uid)).length, 6 - lost);
    checkTables(world);
  });

  test(`one scheduler at a time gives no node more than it has, while pods wait for each other's room (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, schedulers: 1, seed: seed * 67867967 }, 2);
    const web = deployment(12, 'v1');
    const { template } = web['spec'] as { template: { spec: { containers: { resources?: object }[] } } };
    template.spec.containers[0]!.resources = { requests: { cpu: '1' } };
    await world.does(world.user.create(resources.deployments, web));
    const hasRoom = (): void => assert.deepEqual(overfilled(world), []);
    for (let deleted = 0; deleted < 12; deleted++) {
      const running = (): readonly StoredPod[] =>
        podsOf(world).filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp);
      await until(world, () => {
        hasRoom();
        return running().length > 0;
      });
      const { name } = world.random.pick(running())!.metadata;
      await world.does(world.user.delete(resources.pods, { namespace: 'default', name }));
      await world.run(world.random.below(10_000), hasRoom);
    }
    checkTables(world);
  });

  test(`two schedulers that chose different nodes for one pod: the first wins, and the other counts it there (seed ${seed})`, async () => {
    const race = new SchedulerRace(seed);
    await race.begin(['n1', 'n2']);
    const slow = await race.scheduler();
    const fast = await race.scheduler();
    await race.createPod('a');
    await race.cordon('n1', true);
    // It has taken a revision for its binding, and comes no further: whoever reads on fills that with a void row.
    slow.bindings.shut();
    const held = slow.look();
    await race.until('the slow one has decided', () => slow.bindings.holdsOne);
    await race.cordon('n1', false);
    await race.cordon('n2', true);
    const quick = fast.look();
    await race.until('the fast one is done', () => quick.ended);
    assert.equal(race.nodeOf('a'), 'n1');
    slow.bindings.open();
    await race.until('the slow one is done', () => held.ended);
    assert.equal(race.nodeOf('a'), 'n1');
    // A pod takes most of a node: the loser must count `a` on n1, and on n2 no more.
    await race.cordon('n2', false);
    await race.createPod('b');
    const again = slow.look();
    await race.until('the loser is done', () => again.ended);
    assert.equal(race.nodeOf('b'), 'n2');
    assert.equal(checkBindings(race.tables), 2);
  });
}
