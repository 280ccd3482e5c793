// Quality of service class: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
import { compareQuantities, isZeroQuantity } from '../api/quantity.ts';
import type { Pod, ResourceRequirements } from '../api/types.gen.ts';
import { appContainers, initContainers } from './containers.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const counted = ['cpu', 'memory'] as const;

const equal = (a: string, b: string): boolean => compareQuantities(a, b) === 0;

function named(list: Record<string, string | number> | undefined, name: string): string | undefined {
  const value = list?.[name];
  return value === undefined || isZeroQuantity(String(value)) ? undefined : String(value);
}

/** Pod-level resources, when set, decide alone (KEP-2837). */
export function qosClass(pod: Pod): QosClass {
  const podLevel = pod.spec?.resources;
  const sources: (ResourceRequirements | undefined)[] =
    podLevel && (podLevel.requests || podLevel.limits)
      ? [podLevel]
      : [...appContainers(pod), ...initContainers(pod)].map((c) => c.resources);
  let any = false;
  let guaranteed = true;
  for (const source of sources) {
    for (const name of counted) {
      const limit = named(source?.limits, name);
      const request = named(source?.requests, name);
      if (limit !== undefined || request !== undefined) any = true;
      if (limit === undefined || (request !== undefined && !equal(limit, request))) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
