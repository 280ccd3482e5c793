// A whole control plane made of functions, on a host that does its worst: who is invoked when, duplicates, cold starts, several
// at once, deaths between writes, skewed clocks. What users asked for is there in the end, and never too much of it on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { resources } from '../../core/client/resources.ts';
import { isActive, isReady, type StoredPod } from '../../core/controllers/pod-state.ts';
import { Kubelet } from './functions/kubelet.ts';
import { World, type WorldOptions } from './functions/world.ts';

const seeds = Number(process.env['SEEDS'] ?? 3);
const first = Number(process.env['SEED'] ?? 1);
const key = { namespace: 'default', name: 'web' };

const bad: Omit<WorldOptions, 'seed'> = {
  skewMs: 180_000,
  instances: 2,
  faults: { before: 0.01, after: 0.01 },
  kills: 0.004,
  coldStarts: 0.05,
  duplicates: 0.1,
  shortTimes: 0.1,
};

async function worldOf(options: WorldOptions, nodes: number): Promise<World> {
  const world = new World(options);
  await world.start();
  for (let i = 0; i < nodes; i++) {
    const kubelet = new Kubelet(`i-${i}`, world.client, world.ports.clock);
    await kubelet.register();
    world.kubelets.push(kubelet);
  }
  return world;
}

const deployment = (replicas: number, image: string): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { ...key },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
  },
});

const podsOf = async (world: World): Promise<StoredPod[]> =>
  (await world.store.list('pods', { namespace: 'default' })).items.map(({ object }) => object as unknown as StoredPod);

const describe = async (world: World): Promise<string> =>
  JSON.stringify({
    pods: (await podsOf(world)).map((pod) => [
      pod.metadata.name,
      pod.spec?.nodeName,
      pod.status?.phase,
      pod.metadata.deletionTimestamp,
    ]),
    nodes: (await world.store.list('nodes')).items.map(({ object }) => [
      object.metadata.name,
      object['spec'],
      object['status'],
    ]),
    deployment: await world.client.get(resources.deployments, key).catch(() => undefined),
    sets: (await world.client.list(resources.replicaSets)).items,
    host: world.host,
    invocations: world.invocations,
    log: world.ports.lines.slice(-5),
  });

const edit = (world: World, spec: object): Promise<unknown> =>
  world.client.patch(resources.deployments, key, { spec }, { type: 'strategic' });

const isSettled = async (world: World, replicas: number, image: string): Promise<boolean> => {
  const pods = (await podsOf(world)).filter(({ metadata }) => metadata.labels?.['app'] === 'web');
  const { status } = (await world.client.get(resources.deployments, key)) as { status?: Record<string, unknown> };
  return (
    pods.length === replicas &&
    pods.every((pod) => isActive(pod) && isReady(pod) && pod.spec?.containers[0]?.image === image) &&
    (status?.['updatedReplicas'] ?? 0) === replicas &&
    (status?.['availableReplicas'] ?? 0) === replicas
  );
};

const settled = (world: World, replicas: number, image: string): Promise<void> =>
  world.until(
    () => isSettled(world, replicas, image),
    () => describe(world),
  );

for (let seed = first; seed < first + seeds; seed++) {
  test(`a deployment is made, scaled and rolled by functions (seed ${seed})`, async () => {
    const world = await worldOf({ seed, instances: 1 }, 3);
    await world.client.create(resources.deployments, deployment(5, 'v1'));
    await settled(world, 5, 'v1');
    await edit(world, { replicas: 8 });
    await settled(world, 8, 'v1');
    await edit(world, { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } });
    await settled(world, 8, 'v2');
  });

  test(`the same on a host that does its worst (seed ${seed})`, async () => {
    const world = await worldOf({ ...bad, seed: seed * 7919 }, 3);
    await world.client.create(resources.deployments, deployment(5, 'v1'));
    await settled(world, 5, 'v1');
    await edit(world, { replicas: 8 });
    await settled(world, 8, 'v1');
    await edit(world, { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } });
    await settled(world, 8, 'v2');
    await edit(world, { replicas: 2 });
    await settled(world, 2, 'v2');
    assert.ok(world.invocations > 0);
  });
}
