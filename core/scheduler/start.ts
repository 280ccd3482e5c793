// Starts the scheduler over caches of nodes, pods and what says where pods may go.
import type { KubeObject } from '../api/objects.ts';
import type { MetricRegistry } from '../api/prometheus.ts';
import type { PersistentVolume, PersistentVolumeClaim, Service } from '../api/types.gen.ts';
import type { Client } from '../client/client.ts';
import { Informers } from '../client/informers.ts';
import { resources } from '../client/resources.ts';
import type { Ports } from '../ports.ts';
import { Cluster } from './cluster.ts';
import type { ClusterEvent } from './filters/filter.ts';
import { SchedulerMetrics } from './metrics.ts';
import type { StoredNode } from './node-info.ts';
import { isTerminal, podInfo, type StoredPod } from './pod-info.ts';
import { SchedulingQueue } from './queue.ts';
import { Scheduler } from './scheduler.ts';

export interface StartSchedulerDeps {
  client: Client;
  ports: Ports;
  /** Shared with the controllers of the same process, started (or caught up) by who made them; made and started here when absent. */
  informers?: Informers;
  /** Which pods are its own, by spec.schedulerName. */
  name?: string;
  /** Where attempts and waiting pods are counted; nowhere when absent. */
  metrics?: MetricRegistry;
  /** Milliseconds that events wait, so that a pod's start goes before what is told of it. Default: 0. */
  holdEventsMs?: number;
}

export interface RunningScheduler {
  /** Resolves once the caches have their first list and pods are being scheduled. */
  synced: Promise<void>;
  /** No pod is ready to be tried, and no binding is under way. */
  readonly idle: boolean;
  /** Resolves once it is idle and events are written; while paused, once what was begun is done. */
  whenIdle(): Promise<void>;
  /** Begins nothing more until `resume`; what waits is kept. */
  pause(): void;
  resume(): void;
  /** Pods that fit on no node when they were last tried. */
  unschedulable(): readonly StoredPod[];
  stop(): Promise<void>;
}

const DEFAULT_NAME = 'default-scheduler';

export function startScheduler(deps: StartSchedulerDeps): RunningScheduler {
  const { client, ports, name = DEFAULT_NAME, holdEventsMs: holdMs = 0 } = deps;
  const informers = deps.informers ?? new Informers(client, ports);
  const cluster = new Cluster();
  const queue = new SchedulingQueue(ports.clock);
  const metrics = deps.metrics && new SchedulerMetrics(deps.metrics, name, () => queue.pending());
  const scheduler = new Scheduler({ client, ports, cluster, queue, name, holdMs, ...(metrics ? { metrics } : {}) });
  const watched = [
    resources.namespaces,
    resources.persistentVolumes,
    resources.persistentVolumeClaims,
    resources.services,
    resources.nodes,
    resources.pods,
  ].map((of) => informers.for(of));
  const [namespaces, volumes, claims, services, nodes, pods] = watched;
  const unsubscribe: (() => void)[] = [];
  let stopped = false;
  const begin = (): void => {
    if (stopped) return;
    const react = (event: ClusterEvent | undefined): void => {
      if (event) queue.react(event);
    };
    unsubscribe.push(
      namespaces!.subscribe(({ metadata }, _previous, deleted) =>
        react(cluster.setNamespace(metadata.name ?? '', deleted ? undefined : (metadata.labels ?? {}))),
      ),
      volumes!.subscribe((volume, _previous, deleted) =>
        react(cluster.setVolume(volume.metadata.name ?? '', deleted ? undefined : (volume as PersistentVolume))),
      ),
      claims!.subscribe((claim, _previous, deleted) => {
        const { namespace = '', name = '' } = claim.metadata;
        react(cluster.setClaim(namespace, name, deleted ? undefined : (claim as PersistentVolumeClaim)));
      }),
      services!.subscribe(({ metadata: { namespace = '', name = '' }, spec }, _previous, deleted) =>
        cluster.setService(namespace, name, deleted ? undefined : (spec as Service['spec'])?.selector),
      ),
      nodes!.subscribe((node, _previous, deleted) => {
        if (deleted) cluster.removeNode(node.metadata.name ?? '');
        else react(cluster.setNode(node as unknown as StoredNode));
      }),
      pods!.subscribe(podListener(cluster, queue, name, react)),
    );
    scheduler.start();
  };
  if (!deps.informers) informers.start();
  return {
    synced: Promise.all(watched.map((informer) => informer.whenSynced())).then(begin),
    get idle() {
      return scheduler.idle;
    },
    whenIdle: () => scheduler.whenIdle(),
    pause: () => scheduler.pause(),
    resume: () => scheduler.resume(),
    unschedulable: () => queue.unschedulable(),
    stop: async () => {
      stopped = true;
      for (const end of unsubscribe) end();
      await scheduler.stop();
      queue.clear();
      if (!deps.informers) informers.stop();
    },
  };
}

/** A pod is in one place: on a node, in the queue, or of no concern. */
function podListener(
  cluster: Cluster,
  queue: SchedulingQueue,
  schedulerName: string,
  react: (event: ClusterEvent | undefined) => void,
): (object: KubeObject, previous: KubeObject | undefined, deleted: boolean) => void {
  const gone = (pod: StoredPod): void => {
    queue.delete(pod.metadata.uid);
    react(cluster.removePod(pod));
  };
  return (object, previous, deleted) => {
    const pod = object as unknown as StoredPod;
    if (deleted) {
      gone(pod);
      return;
    }
    // A namesake in its place, its deletion not seen.
    if (previous && previous.metadata.uid !== pod.metadata.uid) gone(previous as unknown as StoredPod);
    const { spec } = pod;
    if (spec?.nodeName) {
      queue.delete(pod.metadata.uid);
      react(cluster.setPod(pod));
      return;
    }
    if (cluster.isPlaced(pod.metadata.uid)) return;
    const isOwn = (spec?.schedulerName ?? DEFAULT_NAME) === schedulerName;
    const waits = isOwn && !pod.metadata.deletionTimestamp && !isTerminal(pod) && !spec?.schedulingGates?.length;
    if (waits) queue.set(pod, podInfo);
    else queue.delete(pod.metadata.uid);
  };
}
