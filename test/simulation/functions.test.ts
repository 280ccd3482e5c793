// A whole control plane made of functions, on a host that does its worst: who is invoked when, duplicates, cold starts, several
// at once, deaths between writes, skewed clocks. What users asked for is there in the end, and never too much of it on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { resources } from '../../core/client/resources.ts';
import { isActive, isReady } from '../../core/controllers/pod-state.ts';
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
import type { World } from './functions/world.ts';

const seeds = Number(process.env['SEEDS'] ?? 1);
const first = Number(process.env['SEED'] ?? 1);

/** Sizes that are asked for never exceed the surge; pods never what two views of one moment may make. */
async function assertBounds(world: World, most: number, views: number): Promise<void> {
  const sets = (await world.store.list('replicasets.apps')).items.map(
    ({ object }) => object['spec'] as { replicas: number },
  );
  const asked = sets.reduce((sum, { replicas }) => sum + replicas, 0);
  assert.ok(asked <= most, `${asked} replicas are asked for, at most ${most}: ${await describe(world)}`);
  const active = (await podsOf(world)).filter((pod) => isActive(pod) && pod.metadata.labels?.['app'] === 'web').length;
  assert.ok(active <= most * views, `${active} pods, at most ${most * views}: ${await describe(world)}`);
}

async function story(world: World, views: number): Promise<void> {
  const until = (replicas: number, image: string, most: number): Promise<void> =>
    world.until(
      async () => {
        await assertBounds(world, most, views);
        return await isSettled(world, replicas, image);
      },
      () => describe(world),
    );
  await world.client.create(resources.deployments, deployment(5, 'v1'));
  await until(5, 'v1', 5);
  await edit(world, { replicas: 8 });
  await until(8, 'v1', 8);
  await edit(world, { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } });
  await until(8, 'v2', 10);
  await edit(world, { replicas: 2 });
  await until(2, 'v2', 10);
}

const job: KubeObject = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'sum', namespace: 'default' },
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
const warm = await worldOf({ seed: 0 }, 1);
await warm.client.create(resources.deployments, deployment(1, 'v1'));
await settled(warm, 1, 'v1');

for (let seed = first; seed < first + seeds; seed++) {
  test(`a deployment is made, scaled and rolled by functions, never a pod too many (seed ${seed})`, async () => {
    await story(await worldOf({ seed, duplicates: 0.1, coldStarts: 0.1 }, 3), 1);
  });

  test(`the same on a host that does its worst (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 7919 }, 3);
    await story(world, 2);
    assert.ok(world.kills > 0, 'no function was killed');
  });

  test(`a job's pods finish, each once (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 104729 }, 2);
    await world.client.create(resources.jobs, job);
    const status = async (): Promise<Record<string, unknown>> =>
      ((await world.client.get(resources.jobs, { namespace: 'default', name: 'sum' }))['status'] ?? {}) as Record<
        string,
        unknown
      >;
    await world.until(
      async () => (await status())['completionTime'] !== undefined,
      () => describe(world),
    );
    assert.equal((await status())['succeeded'], 5);
  });

  test(`a node that falls silent loses its pods, whatever the functions' clocks say (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 1299709 }, 3);
    await world.client.create(resources.deployments, deployment(6, 'v1'));
    await settled(world, 6, 'v1');
    // Healthy nodes keep their pods although clocks are off by minutes.
    const before = await names(world);
    await world.run(20 * 60_000);
    assert.deepEqual(await names(world), before);
    const lost = world.kubelets[0]!;
    lost.isDown = true;
    const runsElsewhere = async (): Promise<boolean> => {
      const well = (await podsOf(world)).filter((pod) => isActive(pod) && isReady(pod));
      return well.length === 6 && well.every(({ spec }) => spec?.nodeName !== lost.name);
    };
    await world.until(runsElsewhere, () => describe(world));
    assert.ok((await givenUp(world)) > 0);
    // Whether its pods really ended nobody knows, until the machine is gone: then they are.
    await world.machine(lost.name, 'terminated');
    await world.until(
      () => isSettled(world, 6, 'v1'),
      () => describe(world),
    );
  });

  test(`an outage of the control plane costs no pod (seed ${seed})`, async () => {
    const world = await worldOf({ seed: seed * 15485863, skewMs: 180_000, coldStarts: 0.05, instances: 2 }, 3);
    await world.client.create(resources.deployments, deployment(6, 'v1'));
    await settled(world, 6, 'v1');
    const before = await names(world);
    for (const minutes of [2, 7, 30, 180]) {
      await world.run(6 * 60_000);
      world.outage(minutes * 60_000);
      await world.run(12 * 60_000);
      assert.equal(await givenUp(world), 0, `after ${minutes} minutes`);
      assert.deepEqual(await names(world), before, `after ${minutes} minutes`);
    }
    assert.ok(await isSettled(world, 6, 'v1'));
  });
}

test('the same seed is the same run', async () => {
  const run = async (): Promise<unknown> => {
    const world = await worldOf({ ...bad, seed: first }, 2);
    await world.client.create(resources.deployments, deployment(4, 'v1'));
    await settled(world, 4, 'v1');
    return [world.ports.clock.now(), world.invocations, world.gate.passed, await names(world)];
  };
  assert.deepEqual(await run(), await run());
});
