// A cluster of functions with nodes and one deployment, `web`: what stories about it begin with, and what they ask.
import type { KubeObject } from '../../../core/api/objects.ts';
import { resources } from '../../../core/client/resources.ts';
import { isActive, isReady, type StoredPod } from '../../../core/controllers/pod-state.ts';
import type { WorldOptions } from './options.ts';
import { World } from './world.ts';

const key = { namespace: 'default', name: 'web' };

export async function worldOf(options: WorldOptions, nodes: number): Promise<World> {
  const world = new World(options);
  await world.start();
  for (let i = 0; i < nodes; i++) world.addNode(`i-${i}`);
  await until(world, () => readyNodes(world) === nodes);
  return world;
}

/** Nodes that pods may be put on. */
const readyNodes = (world: World): number =>
  world.objects('nodes').filter(({ spec, status }) => {
    const { taints = [] } = (spec ?? {}) as { taints?: unknown[] };
    return taints.length === 0 && status !== undefined;
  }).length;

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

export const podsOf = (world: World): readonly StoredPod[] =>
  world.objects('pods').filter(({ metadata }) => metadata.namespace === 'default') as unknown as StoredPod[];

export const describe = (world: World): string =>
  JSON.stringify({
    pods: podsOf(world).map((pod) => [
      pod.metadata.name,
      pod.spec?.nodeName,
      pod.status?.phase,
      pod.metadata.deletionTimestamp,
    ]),
    nodes: world.objects('nodes').map(({ metadata, spec, status }) => [metadata.name, spec, status]),
    deployment: world.object('deployments.apps', key),
    sets: world.objects('replicasets.apps'),
    host: world.host,
  });

export const until = (world: World, isSo: () => boolean): Promise<void> => world.until(isSo, () => describe(world));

export const edit = (world: World, spec: object): Promise<unknown> =>
  world.does(world.user.patch(resources.deployments, key, { spec }));

export function isSettled(world: World, replicas: number, image: string): boolean {
  const pods = podsOf(world).filter(({ metadata }) => metadata.labels?.['app'] === 'web');
  const { status } = (world.object('deployments.apps', key) ?? {}) as { status?: Record<string, unknown> };
  return (
    pods.length === replicas &&
    pods.every((pod) => isActive(pod) && isReady(pod) && pod.spec?.containers[0]?.image === image) &&
    (status?.['updatedReplicas'] ?? 0) === replicas &&
    (status?.['availableReplicas'] ?? 0) === replicas
  );
}

export const settled = (world: World, replicas: number, image: string): Promise<void> =>
  until(world, () => isSettled(world, replicas, image));

/** The deployment with all of its pods running. */
export async function deployed(world: World, replicas: number): Promise<void> {
  await world.does(world.user.create(resources.deployments, deployment(replicas, 'v1')));
  await settled(world, replicas, 'v1');
}

/** How often a node was given up. */
export const givenUp = (world: World): number =>
  world.objects('events').filter(({ reason }) => reason === 'NodeNotReady').length;

export const names = (world: World): string[] =>
  podsOf(world)
    .map(({ metadata }) => metadata.uid)
    .sort();
