// Bad days of a cluster of functions, in simulated time: an agent that is cut off, a worker that is terminated, schedulers that want
// the same pod. SEED=N repeats a run, SEEDS=N makes more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReady } from '../../core/controllers/pod-state.ts';
import { checkBindings, checkTables } from './functions/checks.ts';
import {
  deployed,
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
import { bad } from './functions/options.ts';
import { SchedulerRace } from './functions/scheduler-race.ts';
import type { World } from './functions/world.ts';

const seeds = Number(process.env['SEEDS'] ?? 1);
const first = Number(process.env['SEED'] ?? 1);
const minuteMs = 60_000;

const nodeNames = (world: World): string[] => world.objects('nodes').map(({ metadata }) => metadata.name ?? '');

for (let seed = first; seed < first + seeds; seed++) {
  test(`an agent that is cut off for two minutes keeps its pods, and takes what came meanwhile (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 32452843 }, 2);
    await deployed(world, 4);
    const before = names(world);
    const [cutOff, other] = world.kubelets;
    assert.ok(cutOff!.running > 0 && other!.running > 0, 'both nodes have pods');
    cutOff!.isDown = true;
    await edit(world, { replicas: 10 });
    await world.run(2 * minuteMs, () => {
      const well = new Set(
        podsOf(world)
          .filter(isReady)
          .map(({ metadata }) => metadata.uid),
      );
      assert.ok(
        before.every((uid) => well.has(uid)),
        `a pod suffered: ${describe(world)}`,
      );
    });
    const waiting = podsOf(world).filter((pod) => pod.spec?.nodeName === cutOff!.name && !isReady(pod));
    assert.ok(waiting.length > 0, 'nothing came for it meanwhile');
    cutOff!.isDown = false;
    await settled(world, 10, 'v1');
    assert.equal(givenUp(world), 0);
    const after = names(world);
    assert.ok(before.every((uid) => after.includes(uid)));
    assert.equal(cutOff!.running + other!.running, 10);
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
