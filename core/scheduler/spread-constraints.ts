// Topology spread constraints of a pod, and which nodes and pods count for them.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/

import { matchesRequiredAffinity } from '../api/node-selector.ts';
import { labelSelectorMatches } from '../api/selectors.ts';
import { findUntolerated } from '../api/tolerations.ts';
import type { LabelSelector, TopologySpreadConstraint } from '../api/types.gen.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export interface Spread {
  topologyKey: string;
  maxSkew: number;
  minDomains: number;
  selector: LabelSelector | undefined;
  honorsAffinity: boolean;
  honorsTaints: boolean;
}

/** matchLabelKeys: the pod's own values of these labels narrow the selector. */
function selectorOf(constraint: TopologySpreadConstraint, { pod }: PodInfo): LabelSelector | undefined {
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => pod.metadata.labels?.[key] !== undefined);
  if (keys.length === 0) return constraint.labelSelector;
  const own = Object.fromEntries(keys.map((key) => [key, pod.metadata.labels?.[key] ?? '']));
  return { ...constraint.labelSelector, matchLabels: { ...constraint.labelSelector?.matchLabels, ...own } };
}

export const spreadsOf = (info: PodInfo, when: 'DoNotSchedule' | 'ScheduleAnyway'): Spread[] =>
  (info.pod.spec?.topologySpreadConstraints ?? [])
    .filter((constraint) => constraint.whenUnsatisfiable === when)
    .map((constraint) => ({
      topologyKey: constraint.topologyKey,
      maxSkew: constraint.maxSkew,
      minDomains: constraint.minDomains ?? 1,
      selector: selectorOf(constraint, info),
      honorsAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
      honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
    }));

export const topologyValue = (node: NodeInfo, topologyKey: string): string | undefined =>
  node.node.metadata.labels?.[topologyKey];

export const hasAllKeys = (node: NodeInfo, spreads: readonly Spread[]): boolean =>
  spreads.every(({ topologyKey }) => topologyValue(node, topologyKey) !== undefined);

export const counts = ({ honorsAffinity, honorsTaints }: Spread, { pod }: PodInfo, { node }: NodeInfo): boolean =>
  (!honorsAffinity || matchesRequiredAffinity(pod, node)) &&
  (!honorsTaints || !findUntolerated(node.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']));

/** Pods of the namespace that match, those on their way out aside. */
export function countMatching(
  node: NodeInfo,
  selector: LabelSelector | undefined,
  namespace: string | undefined,
): number {
  let count = 0;
  for (const { pod } of node.pods.values()) {
    if (pod.metadata.namespace !== namespace || pod.metadata.deletionTimestamp) continue;
    if (labelSelectorMatches(selector, pod.metadata.labels)) count++;
  }
  return count;
}
