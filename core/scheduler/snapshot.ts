// What one decision looks at. Nothing changes while it is looked at: decisions have no await.
import type { LabelSelector, PersistentVolume, PersistentVolumeClaim } from '../api/types.gen.ts';
import type { NodeInfo } from './node-info.ts';
import type { CountByNode, PodGroup } from './pod-groups.ts';

export interface Snapshot {
  /** Nodes in the order of being tried: zones take turns. */
  readonly nodes: readonly NodeInfo[];
  /** Where in `nodes` to begin, so that the search goes round. */
  readonly startIndex: number;
  node(name: string): NodeInfo | undefined;
  /** Nodes with a pod that has affinity terms; with required anti-affinity terms. */
  readonly nodesWithAffinity: ReadonlySet<NodeInfo>;
  readonly nodesWithRequiredAntiAffinity: ReadonlySet<NodeInfo>;
  /** How many pods of the group each node has, those on their way out aside; nodes without any are not in it. */
  countByNode(group: PodGroup): CountByNode;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** What the services of a namespace select, those without a selector aside. */
  serviceSelectors(namespace: string): Iterable<LabelSelector>;
  namespaceLabels(namespace: string): Record<string, string> | undefined;
  /** How many nodes have an image; `imageEpoch` grows when that changes. */
  imageSpread(name: string): number;
  readonly imageEpoch: number;
  /** A small number for a signature, the same as long as verdicts are kept. */
  signatureId(signature: string): number;
}
