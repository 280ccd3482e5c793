// A cluster of functions with nodes and one deployment, `web`: what stories about it begin with, and what they ask.
import type { KubeObject } from '../../../core/api/objects.ts';
import { resources } from '../../../core/client/resources.ts';
import { isActive, isReady, type StoredPod } from '../../../core/controllers/pod-state.ts';
import { Kubelet } from './kubelet.ts';
import { World, type WorldOptions } from './world.ts';

const key = { namespace: 'default', name: 'web' };

/** A host that does its worst. */
export const bad: Omit<WorldOptions, 'seed'> = {
  skewMs: 180_000,
  instances: 2,
  faults: { before: 0.003, after: 0.01 },
  kills: 0.004,
  coldStarts: 0.05,
  duplicates: 0.1,
  shortTimes: 0.1,
};

export async function worldOf(options: WorldOptions, nodes: number): Promise<World> {
  const world = new World(options);
  await world.start();
  for (let i = 0; i < nodes; i++) {
    const kubelet = new Kubelet(`i-${i}`, world.client, world.ports.clock);
    await kubelet.register();
    world.kubelets.push(kubelet);
  }
  return world;
}

export const deployment = (replicas: number, image: string): KubeObject => ({
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

export const podsOf = async (world: World): Promise<StoredPod[]> =>
  (await world.store.list('pods', { namespace: 'default' })).items.map(({ object }) => object as unknown as StoredPod);

export const describe = async (world: World): Promise<string> =>
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

export const edit = (world: World, spec: object): Promise<unknown> =>
  world.client.patch(resources.deployments, key, { spec }, { type: 'strategic' });

export const isSettled = async (world: World, replicas: number, image: string): Promise<boolean> => {
  const pods = (await podsOf(world)).filter(({ metadata }) => metadata.labels?.['app'] === 'web');
  const { status } = (await world.client.get(resources.deployments, key)) as { status?: Record<string, unknown> };
  return (
    pods.length === replicas &&
    pods.every((pod) => isActive(pod) && isReady(pod) && pod.spec?.containers[0]?.image === image) &&
    (status?.['updatedReplicas'] ?? 0) === replicas &&
    (status?.['availableReplicas'] ?? 0) === replicas
  );
};

export const settled = (world: World, replicas: number, image: string): Promise<void> =>
  world.until(
    () => isSettled(world, replicas, image),
    () => describe(world),
  );

/** How often a node was given up. */
export const givenUp = async (world: World): Promise<number> =>
  (await world.store.list('events')).items.filter(({ object }) => object['reason'] === 'NodeNotReady').length;

export const names = async (world: World): Promise<string[]> =>
  (await podsOf(world)).map(({ metadata }) => metadata.uid).sort();
