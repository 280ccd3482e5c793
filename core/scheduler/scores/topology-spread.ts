import type { NodeInfo } from '../node-info.ts';
import { counts, defaultSpreads, hasAllKeys, spreadsOf, topologyValue } from '../spread-constraints.ts';
import { type DynamicScore, MAX_SCORE } from './score.ts';

const hostname = 'kubernetes.io/hostname';
/** Stands for a node that lacks a topology key: it scores nothing and counts for nothing. */
const IGNORED = -1;

/** Fewer matching pods in the node's domains, where spreading is wished for and not demanded. */
export const topologySpreadPreference: DynamicScore = {
  name: 'PodTopologySpread',
  weight: 2,
  prepare(info, snapshot, nodes) {
    const asks = (info.pod.spec?.topologySpreadConstraints ?? []).length > 0;
    const spreads = asks ? spreadsOf(info, 'ScheduleAnyway', snapshot) : defaultSpreads(info, snapshot);
    if (spreads.length === 0) return undefined;
    // What nobody asked for asks no labels of nodes: without zones, hosts alone are looked at.
    const isEligible = (node: NodeInfo): boolean => !asks || hasAllKeys(node, spreads);
    const eligible = nodes.filter(isEligible);
    const rules = spreads.map((spread) => {
      const domains = new Map<string, number>();
      if (spread.topologyKey !== hostname) {
        for (const node of eligible) domains.set(topologyValue(node, spread.topologyKey) ?? '', 0);
        for (const [node, matching] of spread.pods) {
          const value = topologyValue(node, spread.topologyKey);
          const before = value === undefined ? undefined : domains.get(value);
          if (value === undefined || before === undefined) continue;
          if (!isEligible(node) || !counts(spread, info, node)) continue;
          domains.set(value, before + matching);
        }
      }
      // Few domains differ a lot in what one pod means to them, many little: this evens keys out.
      const size = spread.topologyKey === hostname ? eligible.length : domains.size;
      return { spread, domains, weight: Math.log(size + 2) };
    });
    return {
      score(node) {
        if (!isEligible(node)) return IGNORED;
        let sum = 0;
        for (const { spread, domains, weight } of rules) {
          const value = topologyValue(node, spread.topologyKey);
          if (value === undefined) continue;
          const matching = (spread.topologyKey === hostname ? spread.pods.get(node) : domains.get(value)) ?? 0;
          sum += matching * weight + spread.maxSkew - 1;
        }
        return Math.round(sum);
      },
      normalize: fewestFirst,
    };
  },
};

function fewestFirst(scores: Float64Array, count: number): void {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  for (let i = 0; i < count; i++) {
    if (scores[i] === IGNORED) continue;
    lowest = Math.min(lowest, scores[i]!);
    highest = Math.max(highest, scores[i]!);
  }
  for (let i = 0; i < count; i++) {
    if (scores[i] === IGNORED) scores[i] = 0;
    else scores[i] = highest === 0 ? MAX_SCORE : Math.floor((MAX_SCORE * (highest + lowest - scores[i]!)) / highest);
  }
}
