// Topology spread constraints of a pod, and which nodes and pods count for them.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/

import { matchesRequiredAffinity } from '../api/node-selector.ts';
import { labelSelectorMatches } from '../api/selectors.ts';
import { findUntolerated } from '../api/tolerations.ts';
import type { LabelSelector, TopologySpreadConstraint } from '../api/types.gen.ts';
import type { NodeInfo } from './node-info.ts';
import type { CountByNode, PodGroup } from './pod-groups.ts';
import type { PodInfo } from './pod-info.ts';
import type { Snapshot } from './snapshot.ts';

export interface Spread {
  topologyKey: string;
  maxSkew: number;
  minDomains: number;
  honorsAffinity: boolean;
  honorsTaints: boolean;
  /** Of the pods that are spread. */
  pods: CountByNode;
  /** Whether the pod itself is one of them. */
  isOwn: boolean;
}

/** matchLabelKeys: the pod's own values of these labels narrow the selector. */
function selectorOf(constraint: TopologySpreadConstraint, { pod }: PodInfo): LabelSelector | undefined {
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => pod.metadata.labels?.[key] !== undefined);
  if (keys.length === 0) return constraint.labelSelector;
  const own = Object.fromEntries(keys.map((key) => [key, pod.metadata.labels?.[key] ?? '']));
  return { ...constraint.labelSelector, matchLabels: { ...constraint.labelSelector?.matchLabels, ...own } };
}

const selectedIn = (namespace: string | undefined, selector: LabelSelector | undefined): PodGroup => ({
  key: JSON.stringify([namespace, selector]),
  holds: ({ pod: { metadata } }) => metadata.namespace === namespace && labelSelectorMatches(selector, metadata.labels),
});

const ownedBy = (owner: string): PodGroup => ({ key: owner, holds: ({ spreadWith }) => spreadWith === owner });

/** Those that the pod asks for. */
export const spreadsOf = (info: PodInfo, when: 'DoNotSchedule' | 'ScheduleAnyway', snapshot: Snapshot): Spread[] =>
  (info.pod.spec?.topologySpreadConstraints ?? [])
    .filter((constraint) => constraint.whenUnsatisfiable === when)
    .map((constraint) => {
      const { namespace, labels } = info.pod.metadata;
      const selector = selectorOf(constraint, info);
      return {
        topologyKey: constraint.topologyKey,
        maxSkew: constraint.maxSkew,
        minDomains: constraint.minDomains ?? 1,
        honorsAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
        honorsTaints: constraint.nodeTaintsPolicy === 'Honor',
        pods: snapshot.countByNode(selectedIn(namespace, selector)),
        isOwn: labelSelectorMatches(selector, labels),
      };
    });

/**
 * What is wished for when a pod asks for nothing: that pods of one replica set, replication controller or stateful set stand apart, and
 * those of a service that have no such owner. Follows
 * https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#internal-default-constraints
 */
export function defaultSpreads(info: PodInfo, snapshot: Snapshot): Spread[] {
  const group = info.spreadWith === undefined ? selectedByServices(info, snapshot) : ownedBy(info.spreadWith);
  if (!group) return [];
  const pods = snapshot.countByNode(group);
  const rest = { minDomains: 1, honorsAffinity: true, honorsTaints: false, pods, isOwn: true };
  return [
    { topologyKey: 'kubernetes.io/hostname', maxSkew: 3, ...rest },
    { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5, ...rest },
  ];
}

function selectedByServices({ pod }: PodInfo, snapshot: Snapshot): PodGroup | undefined {
  const { namespace, labels } = pod.metadata;
  // All of them match the pod, so no two ask for different values of a label.
  const matchLabels: Record<string, string> = {};
  for (const selector of snapshot.serviceSelectors(namespace ?? '')) {
    if (labelSelectorMatches(selector, labels)) Object.assign(matchLabels, selector.matchLabels);
  }
  return Object.keys(matchLabels).length === 0 ? undefined : selectedIn(namespace, { matchLabels });
}

export const topologyValue = (node: NodeInfo, topologyKey: string): string | undefined =>
  node.node.metadata.labels?.[topologyKey];

export const hasAllKeys = (node: NodeInfo, spreads: readonly Spread[]): boolean =>
  spreads.every(({ topologyKey }) => topologyValue(node, topologyKey) !== undefined);

export const counts = ({ honorsAffinity, honorsTaints }: Spread, { pod }: PodInfo, { node }: NodeInfo): boolean =>
  (!honorsAffinity || matchesRequiredAffinity(pod, node)) &&
  (!honorsTaints || !findUntolerated(node.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']));
