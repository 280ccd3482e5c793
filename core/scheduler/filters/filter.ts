// A filter says why a node cannot take a pod. One rule a file.
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo, StoredPod } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';

/** Something happened that may let a waiting pod in. */
export type ClusterEvent =
  | { what: 'node-added'; node: NodeInfo }
  /** Which parts of the node changed. */
  | { what: 'node-updated'; node: NodeInfo; labels: boolean; taints: boolean; allocatable: boolean }
  | { what: 'pod-added'; pod: StoredPod }
  | { what: 'pod-updated'; pod: StoredPod }
  | { what: 'pod-removed'; pod: StoredPod }
  | { what: 'namespace-changed' }
  /** A claim or a volume. */
  | { what: 'storage-changed' };

/** Looks at the node object alone: its verdict holds for all pods alike until the node changes. */
export interface StaticFilter {
  name: string;
  /** The reason as users know it; undefined: the node will do. */
  refuse(pod: PodInfo, node: NodeInfo): string | undefined;
  /** Whether the event may make this filter accept. */
  isHelpedBy(event: ClusterEvent, pod: PodInfo): boolean;
}

/** Looks at the pod's amounts and the node's load alone: what it says holds for all pods of a signature until the load changes. */
export interface LoadFilter {
  name: string;
  refuse(pod: PodInfo, node: NodeInfo): readonly string[] | undefined;
  isHelpedBy(event: ClusterEvent, pod: PodInfo): boolean;
}

/** Looks at what is on the node or elsewhere. */
export interface DynamicFilter {
  name: string;
  /** A reason why no node at all will do, told without a count. */
  refuseAll?(pod: PodInfo, snapshot: Snapshot): string | undefined;
  /** Computes once for a pod what all nodes are judged by; undefined: the rule has nothing to say about this pod. */
  prepare(pod: PodInfo, snapshot: Snapshot): ((node: NodeInfo) => readonly string[] | undefined) | undefined;
  isHelpedBy(event: ClusterEvent, pod: PodInfo): boolean;
}
