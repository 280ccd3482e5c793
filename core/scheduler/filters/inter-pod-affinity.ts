// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
import type { PodAffinityTerm } from '../../api/types.gen.ts';
import type { NodeInfo } from '../node-info.ts';
import { affinityTermMatches, type PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { DynamicFilter } from './filter.ts';

const existingAntiAffinity = ["node(s) didn't satisfy existing pods anti-affinity rules"];
const affinity = ["node(s) didn't match pod affinity rules"];
const antiAffinity = ["node(s) didn't match pod anti-affinity rules"];

/** Pairs of topology key and value, with how many pods each has. */
class TopologyCounts {
  readonly #counts = new Map<string, number>();
  add(node: NodeInfo, topologyKey: string): void {
    const value = node.node.metadata.labels?.[topologyKey];
    if (value === undefined) return;
    const pair = `${topologyKey}=${value}`;
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + 1);
  }
  has(node: NodeInfo, topologyKey: string): boolean {
    if (this.#counts.size === 0) return false;
    return this.#counts.has(`${topologyKey}=${node.node.metadata.labels?.[topologyKey]}`);
  }
  get empty(): boolean {
    return this.#counts.size === 0;
  }
  /** Whether the node has one of the pairs: it must for each key it carries. */
  touches(node: NodeInfo): boolean {
    if (this.#counts.size === 0) return false;
    for (const [key, value] of Object.entries(node.node.metadata.labels ?? {})) {
      if (this.#counts.has(`${key}=${value}`)) return true;
    }
    return false;
  }
}

/** Where pods stand that want none like this one near them. */
function existingRefusals(info: PodInfo, snapshot: Snapshot): TopologyCounts {
  const counts = new TopologyCounts();
  for (const node of snapshot.nodesWithRequiredAntiAffinity) {
    for (const existing of node.podsWithRequiredAntiAffinity) {
      for (const term of existing.requiredAntiAffinity) {
        const speaksOfIt = affinityTermMatches(term, existing.pod, info.pod, (ns) => snapshot.namespaceLabels(ns));
        if (speaksOfIt) counts.add(node, term.topologyKey);
      }
    }
  }
  return counts;
}

/** Where the pods stand that the terms speak of: for affinity a pod must match all terms, for anti-affinity any. */
function matching(info: PodInfo, terms: readonly PodAffinityTerm[], all: boolean, snapshot: Snapshot): TopologyCounts {
  const counts = new TopologyCounts();
  if (terms.length === 0) return counts;
  const speaksOf = (term: PodAffinityTerm, other: PodInfo): boolean =>
    affinityTermMatches(term, info.pod, other.pod, (ns) => snapshot.namespaceLabels(ns));
  for (const node of snapshot.nodes) {
    for (const other of node.pods.values()) {
      if (all && !terms.every((term) => speaksOf(term, other))) continue;
      for (const term of terms) if (all || speaksOf(term, other)) counts.add(node, term.topologyKey);
    }
  }
  return counts;
}

export const interPodAffinity: DynamicFilter = {
  name: 'InterPodAffinity',
  prepare(info, snapshot) {
    const refusals = existingRefusals(info, snapshot);
    const wanted = info.requiredAffinity;
    const unwanted = info.requiredAntiAffinity;
    if (refusals.empty && wanted.length === 0 && unwanted.length === 0) return undefined;
    const near = matching(info, wanted, true, snapshot);
    const far = matching(info, unwanted, false, snapshot);
    // The first of a group that wants to be together: nobody is there yet, and it would match itself.
    const isFirst =
      near.empty &&
      wanted.every((term) => affinityTermMatches(term, info.pod, info.pod, (ns) => snapshot.namespaceLabels(ns)));
    return (node) => {
      const labels = node.node.metadata.labels ?? {};
      const hasKeys = wanted.every((term) => labels[term.topologyKey] !== undefined);
      if (!hasKeys || !(isFirst || wanted.every((term) => near.has(node, term.topologyKey)))) return affinity;
      if (unwanted.some((term) => far.has(node, term.topologyKey))) return antiAffinity;
      return refusals.touches(node) ? existingAntiAffinity : undefined;
    };
  },
  isHelpedBy: (event) =>
    event.what === 'node-added' || (event.what === 'node-updated' ? event.labels : event.what.startsWith('pod-')),
};
