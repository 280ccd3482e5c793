// Pods that are counted together, and how many of them each node has: kept up to date while they are asked for, since the pods of one
// set come one after the other and a cluster may have tens of thousands of others.
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

export interface PodGroup {
  /** Says all that `holds` depends on: equal keys are equal groups. */
  key: string;
  holds(info: PodInfo): boolean;
}

export type CountByNode = ReadonlyMap<NodeInfo, number>;

/** Groups that are kept; beyond it the one that was not asked for longest is forgotten, and counted anew when it is. */
const GROUP_LIMIT = 256;

export class PodGroups {
  /** In the order of having been asked for. */
  readonly #kept = new Map<string, { group: PodGroup; counts: Map<NodeInfo, number> }>();

  /** Nodes without such a pod are not in it. Pods on their way out do not count. */
  count(group: PodGroup, nodes: Iterable<NodeInfo>): CountByNode {
    const found = this.#kept.get(group.key);
    const counts = found?.counts ?? countAll(group, nodes);
    this.#kept.delete(group.key);
    this.#kept.set(group.key, { group, counts });
    const [oldest] = this.#kept.size > GROUP_LIMIT ? this.#kept.keys() : [];
    if (oldest !== undefined) this.#kept.delete(oldest);
    return counts;
  }

  added(info: PodInfo, node: NodeInfo): void {
    this.#change(info, node, 1);
  }

  removed(info: PodInfo, node: NodeInfo): void {
    this.#change(info, node, -1);
  }

  nodeRemoved(node: NodeInfo): void {
    for (const { counts } of this.#kept.values()) counts.delete(node);
  }

  #change(info: PodInfo, node: NodeInfo, by: 1 | -1): void {
    for (const { group, counts } of this.#kept.values()) {
      if (!belongs(info, group)) continue;
      const count = (counts.get(node) ?? 0) + by;
      if (count > 0) counts.set(node, count);
      else counts.delete(node);
    }
  }
}

const belongs = (info: PodInfo, group: PodGroup): boolean => !info.pod.metadata.deletionTimestamp && group.holds(info);

function countAll(group: PodGroup, nodes: Iterable<NodeInfo>): Map<NodeInfo, number> {
  const counts = new Map<NodeInfo, number>();
  for (const node of nodes) {
    let count = 0;
    for (const info of node.pods.values()) if (belongs(info, group)) count++;
    if (count > 0) counts.set(node, count);
  }
  return counts;
}
