// A whole control plane made of functions over the revision protocol's tables, on a host that does its worst: calls that are refused,
// slow, or never answered; functions that die between two of them, begin cold, run twice, and whose clocks are minutes off. What
// users asked for is there in the end, never too much of it on the way, and the log tells of all of it once.
// SEED=N repeats a run, SEEDS=N makes more of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { resources } from '../../core/client/resources.ts';
import { isActive, isReady } from '../../core/controllers/pod-state.ts';
import { checkAtRest, checkTables } from './functions/checks.ts';
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
import type { World } from './functions/world.ts';

/** Sizes that are asked for never exceed the surge; pods never what two views of one moment may make. */
function assertBounds(world: World, most: number, views: number): void {
  const sets = world.objects('replicasets.apps').map(({ spec }) => spec as { replicas: number });
  const asked = sets.reduce((sum, { replicas }) => sum + replicas, 0);
  assert.ok(asked <= most, `${asked} replicas are asked for, at most ${most}: ${describe(world)}`);
  const active = podsOf(world).filter((pod) => isActive(pod) && pod.metadata.labels?.['app'] === 'web').length;
  assert.ok(active <= most * views, `${active} pods, at most ${most * views}: ${describe(world)}`);
}

async function story(world: World, views: number): Promise<void> {
  const within = (replicas: number, image: string, most: number): Promise<void> =>
    until(world, () => {
      assertBounds(world, most, views);
      return isSettled(world, replicas, image);
    });
  await world.does(world.user.create(resources.deployments, deployment(5, 'v1')));
  await within(5, 'v1', 5);
  await edit(world, { replicas: 8 });
  await within(8, 'v1', 8);
  await edit(world, { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } });
  await within(8, 'v2', 10);
  await edit(world, { replicas: 2 });
  await within(2, 'v2', 10);
}

const jobKey = { namespace: 'default', name: 'sum' };
const job: KubeObject = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { ...jobKey },
  spec: {
    completions: 5,
    parallelism: 2,
    template: {
      metadata: { labels: { ends: 'yes' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v1' }] },
    },
  },
};

// Modules that are loaded when first used take turns of their own: after this a seed says all of a run.
await deployed(await worldOf({ seed: 0 }, 1), 1);

for (let seed = first; seed < first + seeds; seed++) {
  test(`a deployment is made, scaled and rolled by functions, never a pod too many (seed ${seed})`, async () => {
    const world = await worldOf({ seed, duplicates: 0.1, coldStarts: 0.1 }, 3);
    await story(world, 1);
    await checkAtRest(world);
  });

  test(`the same on a host that does its worst (seed ${seed})`, async (t) => {
    const world = await worldOf({ ...bad, seed: seed * 7919 }, 3);
    await story(world, 2);
    t.diagnostic(JSON.stringify(world.host));
    // Both are certain to happen, whatever the seed.
    const { afterCounter, afterTransaction } = world.deaths.counts;
    assert.ok(afterCounter > 0, 'no function died between the counter and the transaction');
    assert.ok(afterTransaction > 0, 'no function died between the transaction and the answer');
    assert.ok(checkTables(world) >= 8 + 8);
    await checkAtRest(world);
  });

  test(`a job's pods finish, each once (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 104729 }, 2);
    await world.does(world.user.create(resources.jobs, job));
    const status = (): Record<string, unknown> => {
      const standing = world.object('jobs.batch', jobKey);
      return (standing?.['status'] ?? {}) as Record<string, unknown>;
    };
    await until(world, () => status()['completionTime'] !== undefined);
    assert.equal(status()['succeeded'], 5);
    checkTables(world);
  });

  test(`what is due later is done when it is due, although nothing else wakes anybody (seed ${seed})`, async () => {
    // Without nodes there are no leases to look at.
    const world = await worldOf({ ...bad, seed: seed * 32452867, skewMs: 0, deaths: 0, shortTimes: 0 }, 0);
    const spec = { ...(job['spec'] as object), activeDeadlineSeconds: 300, ttlSecondsAfterFinished: 1_800 };
    await world.does(world.user.create(resources.jobs, { ...job, spec }));
    const secondsUntil = async (isSo: () => boolean): Promise<number> => {
      const beganMs = world.time.now;
      await until(world, isSo);
      return Math.round((world.time.now - beganMs) / 1_000);
    };
    const failed = (): boolean => {
      const { status } = world.object('jobs.batch', jobKey) as { status?: { conditions?: { type: string }[] } };
      return status?.conditions?.some(({ type }) => type === 'Failed') ?? false;
    };
    // The one by a delayed message, the other, which is more than a quarter of an hour away, by the tick.
    const deadline = await secondsUntil(failed);
    assert.ok(deadline >= 295 && deadline < 420, `the job's deadline of 300 s came after ${deadline} s`);
    const kept = await secondsUntil(() => world.object('jobs.batch', jobKey) === undefined);
    assert.ok(kept >= 1_795 && kept < 2_100, `the job was to be kept for 1800 s and was for ${kept} s`);
    await checkAtRest(world);
  });

  test(`a node that falls silent loses its pods, whatever the functions' clocks say (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 1299709 }, 3);
    await deployed(world, 6);
    // Healthy nodes keep their pods although clocks are off by minutes.
    const before = names(world);
    await world.run(20 * 60_000);
    assert.deepEqual(names(world), before);
    const lost = world.kubelets[0]!;
    lost.isDown = true;
    const { invocations } = world;
    const beganMs = world.time.now;
    await until(world, () => {
      const well = podsOf(world).filter((pod) => isActive(pod) && isReady(pod));
      return well.length === 6 && well.every(({ spec }) => spec?.nodeName !== lost.name);
    });
    // Its event may have died with the function that was to write it.
    const { taints } = world.object('nodes', { namespace: '', name: lost.name })!['spec'] as {
      taints: { key: string }[];
    };
    assert.ok(taints.some(({ key }) => key === 'node.kubernetes.io/unreachable'));
    // What waits for minutes keeps nobody awake: once a second would be sixty.
    const perMinute = ((world.invocations - invocations) * 60_000) / (world.time.now - beganMs);
    assert.ok(perMinute < 20, `${perMinute} invocations a minute`);
    // Whether its pods really ended nobody knows, until the machine is gone: then they are.
    await world.machine(lost.name, 'terminated');
    await settled(world, 6, 'v1');
    checkTables(world);
  });

  test(`an outage of the control plane costs no pod (seed ${seed})`, async () => {
    const world = await worldOf({ seed: seed * 15485863, skewMs: 180_000, coldStarts: 0.05, instances: 2 }, 3);
    await deployed(world, 6);
    const before = names(world);
    for (const minutes of [2, 7, 30, 180]) {
      await world.run(6 * 60_000);
      await world.rest(minutes * 60_000);
      await world.run(12 * 60_000);
      assert.equal(givenUp(world), 0, `after ${minutes} minutes`);
      assert.deepEqual(names(world), before, `after ${minutes} minutes`);
    }
    assert.ok(isSettled(world, 6, 'v1'));
    await checkAtRest(world);
  });
}

test('the same seed is the same run', async () => {
  const run = async (): Promise<unknown> => {
    const world = await worldOf({ ...bad, seed: first }, 2);
    await deployed(world, 4);
    return [world.time.now, world.invocations, world.tables.operations, world.deaths.counts, names(world)];
  };
  assert.deepEqual(await run(), await run());
});
