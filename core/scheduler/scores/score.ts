// A score says how good a node would be for a pod. One rule a file; 0 to 100 after normalisation, times its weight.
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';

export const MAX_SCORE = 100;

/** Brings the raw scores of all nodes that would do into 0 to 100, in place; `count` of them are filled. */
export type Normalize = (scores: Float64Array, count: number) => void;

/** Looks at the node object alone: computed once for all pods alike, until the node changes. */
export interface StaticScore {
  name: string;
  weight: number;
  score(pod: PodInfo, node: NodeInfo, snapshot: Snapshot): number;
  normalize?: Normalize;
}

/** Looks at the pod's amounts and the node's load alone: it holds for all pods of a signature until the load changes. 0 to 100 as it is. */
export interface LoadScore {
  name: string;
  weight: number;
  score(pod: PodInfo, node: NodeInfo): number;
}

export interface DynamicScore {
  name: string;
  weight: number;
  /** undefined: the rule has nothing to say about this pod. `nodes` are those that would do. */
  prepare(
    pod: PodInfo,
    snapshot: Snapshot,
    nodes: readonly NodeInfo[],
  ): { score(node: NodeInfo): number; normalize?: Normalize } | undefined;
}

/** The highest becomes 100; reversed, the highest becomes 0. All zero: all 0, reversed all 100. */
export const toHighest =
  (reverse: boolean): Normalize =>
  (scores, count) => {
    let highest = 0;
    for (let i = 0; i < count; i++) highest = Math.max(highest, scores[i]!);
    for (let i = 0; i < count; i++) {
      const share = highest === 0 ? 0 : Math.floor((MAX_SCORE * scores[i]!) / highest);
      scores[i] = reverse ? MAX_SCORE - share : share;
    }
  };
