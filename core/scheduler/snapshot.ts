// What one decision looks at. Nothing changes while it is looked at: decisions have no await.
import type { PersistentVolume, PersistentVolumeClaim } from '../api/types.gen.ts';
import type { NodeInfo } from './node-info.ts';

export interface Snapshot {
  /** Nodes in the order of being tried: zones take turns. */
  readonly nodes: readonly NodeInfo[];
  /** Where in `nodes` to begin, so that the search goes round. */
  readonly startIndex: number;
  node(name: string): NodeInfo | undefined;
  /** Nodes with a pod that has affinity terms; with required anti-affinity terms. */
  readonly nodesWithAffinity: ReadonlySet<NodeInfo>;
  readonly nodesWithRequiredAntiAffinity: ReadonlySet<NodeInfo>;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  namespaceLabels(namespace: string): Record<string, string> | undefined;
  /** How many nodes have an image; `imageEpoch` grows when that changes. */
  imageSpread(name: string): number;
  readonly imageEpoch: number;
  /** A small number for a signature, the same as long as verdicts are kept. */
  signatureId(signature: string): number;
}
