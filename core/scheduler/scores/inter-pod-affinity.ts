import type { PodAffinityTerm } from '../../api/types.gen.ts';
import type { NodeInfo } from '../node-info.ts';
import { affinityTermMatches, type PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import { type DynamicScore, MAX_SCORE } from './score.ts';

/** What a required affinity of a pod that runs is worth to one that comes. */
const REQUIRED_WEIGHT = 1;

class PairWeights {
  readonly weights = new Map<string, Map<string, number>>();
  add(node: NodeInfo, topologyKey: string, weight: number): void {
    const value = node.node.metadata.labels?.[topologyKey];
    if (value === undefined) return;
    let values = this.weights.get(topologyKey);
    if (!values) this.weights.set(topologyKey, (values = new Map()));
    values.set(value, (values.get(value) ?? 0) + weight);
  }
}

function collect(info: PodInfo, snapshot: Snapshot): PairWeights {
  const pairs = new PairWeights();
  const own = [
    ...info.preferredAffinity.map(({ term, weight }) => ({ term, weight })),
    ...info.preferredAntiAffinity.map(({ term, weight }) => ({ term, weight: -weight })),
  ];
  const namespaceLabels = (namespace: string) => snapshot.namespaceLabels(namespace);
  const consider = (owner: PodInfo, other: PodInfo, node: NodeInfo, term: PodAffinityTerm, weight: number): void => {
    if (affinityTermMatches(term, owner.pod, other.pod, namespaceLabels)) pairs.add(node, term.topologyKey, weight);
  };
  // A pod with no preference of its own is only sought or shunned by those that have terms.
  for (const node of own.length > 0 ? snapshot.nodes : snapshot.nodesWithAffinity) {
    for (const existing of own.length > 0 ? node.pods.values() : node.podsWithAffinity) {
      for (const { term, weight } of own) consider(info, existing, node, term, weight);
      for (const term of existing.requiredAffinity) consider(existing, info, node, term, REQUIRED_WEIGHT);
      for (const { term, weight } of existing.preferredAffinity) consider(existing, info, node, term, weight);
      for (const { term, weight } of existing.preferredAntiAffinity) consider(existing, info, node, term, -weight);
    }
  }
  return pairs;
}

export const interPodAffinityPreference: DynamicScore = {
  name: 'InterPodAffinity',
  weight: 2,
  prepare(info, snapshot) {
    const { weights } = collect(info, snapshot);
    if (weights.size === 0) return undefined;
    return {
      score(node) {
        let sum = 0;
        for (const [key, values] of weights) sum += values.get(node.node.metadata.labels?.[key] ?? '') ?? 0;
        return sum;
      },
      normalize(scores, count) {
        let lowest = Number.POSITIVE_INFINITY;
        let highest = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < count; i++) {
          lowest = Math.min(lowest, scores[i]!);
          highest = Math.max(highest, scores[i]!);
        }
        const range = highest - lowest;
        for (let i = 0; i < count; i++) {
          scores[i] = range > 0 ? Math.floor((MAX_SCORE * (scores[i]! - lowest)) / range) : 0;
        }
      },
    };
  },
};
