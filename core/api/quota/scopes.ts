// Scopes of a quota: which objects it counts at all.
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../types.gen.ts';

/** Plain scopes and the scope selector as one list; all of them must match. */
export const scopesOf = (spec: ResourceQuotaSpec | undefined): ScopedResourceSelectorRequirement[] => [
  ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
  ...(spec?.scopeSelector?.matchExpressions ?? []),
];

/** `values`: those that the object has, any of which may match; none means that it lacks the property. */
export function matchesRequirement(
  { operator, values: wanted }: ScopedResourceSelectorRequirement,
  present: readonly string[],
): boolean {
  const values = wanted ?? [];
  switch (operator) {
    case 'Exists':
      return present.length > 0;
    case 'DoesNotExist':
      return present.length === 0;
    case 'In':
      return present.some((value) => values.includes(value));
    case 'NotIn':
      return present.length === 0 || present.some((value) => !values.includes(value));
    default:
      return false;
  }
}
