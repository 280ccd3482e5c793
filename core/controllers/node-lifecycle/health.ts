// The health of a node: its lease, its conditions, and the taints that stand for them.
// Follows https://kubernetes.io/docs/concepts/architecture/nodes/#node-controller and
// https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-not-ready
import { nodeTaints } from '../../api/node-taints.ts';
import type { Stored } from '../../api/objects.ts';
import type { Lease, Node, NodeCondition, Taint } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';

export type StoredNode = Stored<Node>;

/** A node that renewed no lease for this long is not known to be well. */
export const GRACE_MS = 40_000;

/** A node that reports less often than `graceMs` asks for says so in its lease. */
export const graceOf = (lease: Lease | undefined, graceMs: number): number =>
  Math.max(graceMs, (lease?.spec?.leaseDurationSeconds ?? 0) * 1000);

const pressures: Record<string, string> = {
  MemoryPressure: nodeTaints.memoryPressure,
  DiskPressure: nodeTaints.diskPressure,
  PIDPressure: nodeTaints.pidPressure,
  NetworkUnavailable: nodeTaints.networkUnavailable,
};

/** What a node reports of itself, and what is not known once it stops. */
const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export const readiness = ({ status }: Node): 'True' | 'False' | 'Unknown' =>
  (status?.conditions?.find(({ type }) => type === 'Ready')?.status as 'True' | 'False' | undefined) ?? 'Unknown';

const hasReported = ({ status }: Node): boolean => Boolean(status?.conditions?.some(({ type }) => type === 'Ready'));

/** The conditions of a node that stopped reporting; undefined when they say so already. */
export function unknownConditions(node: StoredNode, nowMs: number): NodeCondition[] | undefined {
  const standing = node.status?.conditions ?? [];
  const time = timestamp(nowMs);
  let changed = false;
  const conditions = standing.map((condition): NodeCondition => {
    if (!reported.includes(condition.type) || condition.status === 'Unknown') return condition;
    changed = true;
    return {
      ...condition,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: time,
    };
  });
  for (const type of reported) {
    if (conditions.some((condition) => condition.type === type)) continue;
    changed = true;
    conditions.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp,
      lastTransitionTime: time,
    });
  }
  return changed ? conditions : undefined;
}

const unhealthyKey = (node: StoredNode): string | undefined => {
  const ready = readiness(node);
  // It has not reported at all yet: admission has marked it not ready, and so it stays.
  if (!hasReported(node))
    return node.spec?.taints?.some(({ key }) => key === nodeTaints.notReady) ? nodeTaints.notReady : undefined;
  return ready === 'True' ? undefined : ready === 'False' ? nodeTaints.notReady : nodeTaints.unreachable;
};

const owned = new Set<string>(Object.values(nodeTaints));

/**
 * The taints that the node should have, those of others kept. `evicts`: whether an unhealthy node may lose its pods; not before its
 * turn (zones.ts), and not when every node is unhealthy, since then it is rather us who are cut off.
 */
export function wantedTaints(node: StoredNode, evicts: boolean, nowMs: number): Taint[] {
  const standing = node.spec?.taints ?? [];
  const wanted: Taint[] = [];
  const key = unhealthyKey(node);
  if (key) wanted.push({ key, effect: 'NoSchedule' });
  if (key && evicts && hasReported(node)) wanted.push({ key, effect: 'NoExecute', timeAdded: timestamp(nowMs) });
  for (const { type, status } of node.status?.conditions ?? []) {
    const pressure = pressures[type];
    if (pressure && status === 'True') wanted.push({ key: pressure, effect: 'NoSchedule' });
  }
  if (node.spec?.unschedulable) wanted.push({ key: nodeTaints.unschedulable, effect: 'NoSchedule' });
  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const kept = standing.filter((taint) => !owned.has(taint.key) || wanted.some((one) => same(one, taint)));
  return [...kept, ...wanted.filter((taint) => !kept.some((one) => same(one, taint)))];
}
