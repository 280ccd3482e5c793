import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { LoadFilter } from './filter.ts';

/** Everything that is short, not only the first. */
function shortages(
  { requests }: PodInfo,
  { allocatable, requested, allowedPods, pods }: NodeInfo,
): string[] | undefined {
  let reasons: string[] | undefined;
  const short = (reason: string): void => {
    reasons ??= [];
    reasons.push(reason);
  };
  if (pods.size + 1 > allowedPods) short('Too many pods');
  if (requests.cpuMilli > 0 && requests.cpuMilli > allocatable.cpuMilli - requested.cpuMilli) short('Insufficient cpu');
  if (requests.memory > 0 && requests.memory > allocatable.memory - requested.memory) short('Insufficient memory');
  if (
    requests.ephemeralStorage > 0 &&
    requests.ephemeralStorage > allocatable.ephemeralStorage - requested.ephemeralStorage
  ) {
    short('Insufficient ephemeral-storage');
  }
  if (requests.scalars) {
    for (const [name, amount] of requests.scalars) {
      const free = (allocatable.scalars?.get(name) ?? 0) - (requested.scalars?.get(name) ?? 0);
      if (amount > 0 && amount > free) short(`Insufficient ${name}`);
    }
  }
  return reasons;
}

/** Whether the pod would fit on the node if it were empty. */
function fitsEmpty({ requests }: PodInfo, { allocatable }: NodeInfo): boolean {
  return (
    requests.cpuMilli <= allocatable.cpuMilli &&
    requests.memory <= allocatable.memory &&
    requests.ephemeralStorage <= allocatable.ephemeralStorage &&
    [...(requests.scalars ?? [])].every(([name, amount]) => amount <= (allocatable.scalars?.get(name) ?? 0))
  );
}

export const nodeResources: LoadFilter = {
  name: 'NodeResourcesFit',
  refuse: shortages,
  isHelpedBy(event, pod) {
    if (event.what === 'pod-removed') return true;
    if (event.what === 'node-added') return fitsEmpty(pod, event.node);
    return event.what === 'node-updated' && event.allocatable && fitsEmpty(pod, event.node);
  },
};
