import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import { counts, hasAllKeys, type Spread, spreadsOf, topologyValue } from '../spread-constraints.ts';
import type { DynamicFilter } from './filter.ts';

const skewed = ["node(s) didn't match pod topology spread constraints"];
const unlabelled = ["node(s) didn't match pod topology spread constraints (missing required label)"];

interface Domains {
  spread: Spread;
  /** Matching pods by the value of the topology key. */
  pods: Map<string, number>;
  /** Of the emptiest domain; 0 while there are fewer domains than asked for. */
  least: number;
  /** 1 when the pod itself matches. */
  own: number;
}

function domainsOf(info: PodInfo, spreads: readonly Spread[], snapshot: Snapshot): Domains[] {
  const eligible = snapshot.nodes.filter((node) => hasAllKeys(node, spreads));
  return spreads.map((spread) => {
    const pods = new Map<string, number>();
    for (const node of eligible) {
      if (!counts(spread, info, node)) continue;
      const value = topologyValue(node, spread.topologyKey) ?? '';
      pods.set(value, (pods.get(value) ?? 0) + (spread.pods.get(node) ?? 0));
    }
    const least = pods.size < spread.minDomains ? 0 : Math.min(...pods.values());
    return { spread, pods, least, own: spread.isOwn ? 1 : 0 };
  });
}

export const topologySpread: DynamicFilter = {
  name: 'PodTopologySpread',
  prepare(info, snapshot) {
    const spreads = spreadsOf(info, 'DoNotSchedule', snapshot);
    if (spreads.length === 0) return undefined;
    const domains = domainsOf(info, spreads, snapshot);
    return (node) => {
      for (const { spread, pods, least, own } of domains) {
        const value = topologyValue(node, spread.topologyKey);
        if (value === undefined) return unlabelled;
        if ((pods.get(value) ?? 0) + own - least > spread.maxSkew) return skewed;
      }
      return undefined;
    };
  },
  isHelpedBy: (event) =>
    event.what === 'node-added' ||
    (event.what === 'node-updated' ? event.labels || event.taints : event.what.startsWith('pod-')),
};
