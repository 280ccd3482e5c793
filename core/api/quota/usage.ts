// What a quota's objects use together: the count that the quota controller writes to its status.
import type { KubeObject } from '../objects.ts';
import { quantityFromValue } from '../quantity.ts';
import type { ResourceQuota } from '../types.gen.ts';
import { type Amounts, addAmounts, formatAmounts, only } from './amounts.ts';
import { evaluatorFor, resourceMeasuredBy } from './evaluators.ts';
import { scopesOf } from './scopes.ts';

/** The resources whose objects a quota needs counted ("pods", "deployments.apps"). */
export const measuredResources = (quota: ResourceQuota): string[] => [
  ...new Set(Object.keys(quota.spec?.hard ?? {}).flatMap((name) => resourceMeasuredBy(name) ?? [])),
];

/** Whether every scope of the quota holds for this object. */
export function quotaCounts(quota: ResourceQuota, resource: string, object: KubeObject): boolean {
  const evaluator = evaluatorFor(resource);
  return scopesOf(quota.spec).every((scope) => evaluator.matchesScope(scope, object));
}

/**
 * status.used for status.hard = spec.hard. `objectsOf` gives the objects of a resource in the quota's namespace. A name that
 * nothing measures is left out of the result.
 */
export function quotaUsed(
  quota: ResourceQuota,
  objectsOf: (resource: string) => readonly KubeObject[],
  nowMs: number,
): Record<string, string> {
  const hard = Object.keys(quota.spec?.hard ?? {});
  const measured = hard.filter((name) => resourceMeasuredBy(name) !== undefined);
  let used: Amounts = new Map(measured.map((name) => [name, quantityFromValue(0)]));
  for (const resource of measuredResources(quota)) {
    const evaluator = evaluatorFor(resource);
    const names = evaluator.matching(hard);
    for (const object of objectsOf(resource)) {
      if (quotaCounts(quota, resource, object)) used = addAmounts(used, only(evaluator.usage(object, nowMs), names));
    }
  }
  return formatAmounts(used);
}
