import { countMatching, counts, hasAllKeys, spreadsOf, topologyValue } from '../spread-constraints.ts';
import { type DynamicScore, MAX_SCORE } from './score.ts';

const hostname = 'kubernetes.io/hostname';
/** Stands for a node that lacks a topology key: it scores nothing and counts for nothing. */
const IGNORED = -1;

/** Fewer matching pods in the node's domains, where spreading is wished for and not demanded. */
export const topologySpreadPreference: DynamicScore = {
  name: 'PodTopologySpread',
  weight: 2,
  prepare(info, snapshot, nodes) {
    const spreads = spreadsOf(info, 'ScheduleAnyway');
    if (spreads.length === 0) return undefined;
    const { namespace } = info.pod.metadata;
    const eligible = nodes.filter((node) => hasAllKeys(node, spreads));
    const rules = spreads.map((spread) => {
      const pods = new Map<string, number>();
      if (spread.topologyKey !== hostname) {
        for (const node of eligible) pods.set(topologyValue(node, spread.topologyKey) ?? '', 0);
        for (const node of snapshot.nodes) {
          const value = topologyValue(node, spread.topologyKey);
          const before = value === undefined ? undefined : pods.get(value);
          if (value === undefined || before === undefined) continue;
          if (!hasAllKeys(node, spreads) || !counts(spread, info, node)) continue;
          pods.set(value, before + countMatching(node, spread.selector, namespace));
        }
      }
      // Few domains differ a lot in what one pod means to them, many little: this evens keys out.
      const size = spread.topologyKey === hostname ? eligible.length : pods.size;
      return { spread, pods, weight: Math.log(size + 2) };
    });
    return {
      score(node) {
        if (!hasAllKeys(node, spreads)) return IGNORED;
        let sum = 0;
        for (const { spread, pods, weight } of rules) {
          const matching =
            spread.topologyKey === hostname
              ? countMatching(node, spread.selector, namespace)
              : (pods.get(topologyValue(node, spread.topologyKey) ?? '') ?? 0);
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
