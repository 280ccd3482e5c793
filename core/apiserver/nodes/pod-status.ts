// A node's report of a pod against what is stored: what the node owns is taken, what others own is kept, and a report that
// arrives late never undoes a newer one.
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../api/types.gen.ts';

/** Written by the scheduler. */
const schedulerCondition = 'PodScheduled';
/** Conditions that mean something by being absent: the node takes them away. */
const removable = new Set(['PodResizePending', 'PodResizeInProgress', 'ContainersNotInitialized']);

const isTerminal = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/** Why a report cannot follow what is stored; undefined when it can. */
export function staleReason(current: PodStatus | undefined, reported: PodStatus): string | undefined {
  if (isTerminal(current?.phase) && reported.phase !== current?.phase) {
    return `the pod has ended as ${current?.phase}, which does not change to ${reported.phase}`;
  }
  const lists: (keyof PodStatus)[] = ['initContainerStatuses', 'containerStatuses', 'ephemeralContainerStatuses'];
  for (const list of lists) {
    const reports = new Map(((reported[list] as ContainerStatus[] | undefined) ?? []).map((it) => [it.name, it]));
    for (const standing of (current?.[list] as ContainerStatus[] | undefined) ?? []) {
      const report = reports.get(standing.name);
      if (report && isOlder(report, standing)) return `a newer status of container ${standing.name} is stored`;
    }
  }
  return undefined;
}

function isOlder(report: ContainerStatus, standing: ContainerStatus): boolean {
  if (report.restartCount !== standing.restartCount) return report.restartCount < standing.restartCount;
  // The same run of a container does not come back after its end.
  return Boolean(standing.state?.terminated && report.state?.running && report.containerID === standing.containerID);
}

/** The status to store. Conditions named by readiness gates, and those the node does not report, stay with their owners. */
export function mergePodStatus(pod: Pod, reported: PodStatus): PodStatus {
  const current = pod.status ?? {};
  const gates = new Set((pod.spec?.readinessGates ?? []).map(({ conditionType }) => conditionType));
  const keep: (keyof PodStatus)[] = [
    'qosClass',
    'nominatedNodeName',
    'resourceClaimStatuses',
    'extendedResourceClaimStatus',
  ];
  const kept = Object.fromEntries(keep.filter((key) => current[key] !== undefined).map((key) => [key, current[key]]));
  return {
    ...reported,
    ...kept,
    conditions: mergeConditions(current.conditions ?? [], reported.conditions ?? [], gates),
  };
}

function mergeConditions(
  current: readonly PodCondition[],
  reported: readonly PodCondition[],
  gates: ReadonlySet<string>,
): PodCondition[] {
  const others = (type: string): boolean => type === schedulerCondition || gates.has(type);
  const standing = new Set(current.map(({ type }) => type));
  const fresh = new Map(reported.map((condition) => [condition.type, condition]));
  const merged = current.flatMap((condition) => {
    const report = others(condition.type) ? undefined : fresh.get(condition.type);
    if (report) return [report];
    return removable.has(condition.type) ? [] : [condition];
  });
  return [...merged, ...reported.filter(({ type }) => !standing.has(type) && !gates.has(type))];
}
