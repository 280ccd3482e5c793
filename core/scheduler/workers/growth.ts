// How many workers more the pods need that fit on no node: they are scheduled, by the scheduler's own rules, onto the nodes there
// are, those that are starting, and as few imagined ones as will do. Pods that would not fit on a new worker either count nothing.
// Follows https://kubernetes.io/docs/concepts/cluster-administration/node-autoscaling/
import type { KubeObject } from '../../api/objects.ts';
import type { PersistentVolume, PersistentVolumeClaim, Taint } from '../../api/types.gen.ts';
import { Cluster } from '../cluster.ts';
import type { StoredNode } from '../node-info.ts';
import { isTerminal, type PodInfo, podInfo, type StoredPod } from '../pod-info.ts';
import { schedule } from '../schedule.ts';

/** What a new worker is, whichever of the group's instance types it gets. */
export interface WorkerOffer {
  labels: Record<string, string>;
  taints: readonly Taint[];
  /** Quantities as a node reports them. */
  allocatable: Record<string, string>;
}

export interface ClusterObjects {
  nodes: readonly StoredNode[];
  pods: readonly StoredPod[];
  namespaces: readonly KubeObject[];
  claims: readonly KubeObject[];
  volumes: readonly KubeObject[];
}

export interface Growth {
  /** Workers to be added. */
  workers: number;
  /** Nodes that are there and would take a pod that waits, were they not cordoned by us. */
  wanted: ReadonlySet<string>;
}

/** The scheduler has tried it, and found no node. */
export const isUnschedulable = ({ metadata, spec, status }: StoredPod): boolean =>
  !spec?.nodeName &&
  !metadata.deletionTimestamp &&
  Boolean(
    status?.conditions?.some(
      ({ type, status: value, reason }) => type === 'PodScheduled' && value === 'False' && reason === 'Unschedulable',
    ),
  );

const imagined = (name: string, { labels, taints, allocatable }: WorkerOffer): StoredNode => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: name, labels: { ...labels, 'kubernetes.io/hostname': name } },
  spec: { taints: [...taints] },
  status: { allocatable },
});

function clusterOf({ nodes, pods, namespaces, claims, volumes }: ClusterObjects): Cluster {
  const cluster = new Cluster();
  for (const { metadata } of namespaces) cluster.setNamespace(metadata.name ?? '', metadata.labels ?? {});
  for (const { metadata, ...volume } of volumes)
    cluster.setVolume(metadata.name ?? '', { metadata, ...volume } as PersistentVolume);
  for (const { metadata, ...claim } of claims) {
    const { namespace = '', name = '' } = metadata;
    cluster.setClaim(namespace, name, { metadata, ...claim } as PersistentVolumeClaim);
  }
  for (const node of nodes) cluster.setNode(node);
  for (const pod of pods) if (pod.spec?.nodeName && !isTerminal(pod)) cluster.setPod(pod);
  return cluster;
}

/** `starting`: workers that were asked for and are not there yet. At most `room` are added. */
export function neededWorkers(objects: ClusterObjects, starting: number, offer: WorkerOffer, room: number): Growth {
  const waiting = objects.pods.filter(isUnschedulable).map(podInfo);
  if (waiting.length === 0) return { workers: 0, wanted: new Set() };
  const cluster = clusterOf(objects);
  const known = new Set(objects.nodes.map(({ metadata }) => metadata.name));
  const wanted = new Set<string>();
  for (let i = 0; i < starting; i++) cluster.setNode(imagined(`starting-${i}`, offer));
  let workers = 0;
  const place = (info: PodInfo): boolean => {
    const { node } = schedule(cluster, info);
    if (node === undefined) return false;
    cluster.assume(info, node);
    if (known.has(node)) wanted.add(node);
    return true;
  };
  for (const info of waiting.sort((a, b) => b.priority - a.priority)) {
    if (place(info)) continue;
    const name = `new-${workers}`;
    cluster.setNode(imagined(name, offer));
    if (workers < room && place(info)) workers++;
    else cluster.removeNode(name);
  }
  return { workers, wanted };
}
