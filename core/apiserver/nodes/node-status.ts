// A node's report of itself against what is stored: volumes that are attached, extended resources that others announced and
// conditions that others wrote stay.
import type { NodeStatus } from '../../api/types.gen.ts';

/** `example.com/device`; a node itself reports cpu, memory, pods, hugepages-*, ephemeral-storage. */
const isExtended = (name: string): boolean => name.includes('/') && !name.startsWith('kubernetes.io/');

export function mergeNodeStatus(current: NodeStatus | undefined, reported: NodeStatus): NodeStatus {
  const extended = Object.fromEntries(
    Object.entries(current?.capacity ?? {}).filter(([name]) => isExtended(name) && !reported.capacity?.[name]),
  );
  const types = new Set((reported.conditions ?? []).map(({ type }) => type));
  return {
    ...current,
    ...reported,
    ...(reported.capacity ? { capacity: { ...extended, ...reported.capacity } } : {}),
    ...(reported.allocatable ? { allocatable: { ...extended, ...reported.allocatable } } : {}),
    ...(reported.conditions
      ? { conditions: [...(current?.conditions ?? []).filter(({ type }) => !types.has(type)), ...reported.conditions] }
      : {}),
    ...(current?.volumesAttached ? { volumesAttached: current.volumesAttached } : {}),
  };
}
