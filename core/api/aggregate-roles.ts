// Aggregated cluster roles: the rules of every cluster role that a selector of the aggregation rule picks.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
import { labelSelectorMatches } from './selectors.ts';
import type { ClusterRole, PolicyRule } from './types.gen.ts';

/** Rules in the order of the selectors and of the roles' names, each once; undefined for a role that aggregates nothing. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (!selectors) return undefined;
  const byName = [...all].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const selector of selectors) {
    for (const other of byName) {
      if (other.metadata?.name === role.metadata?.name) continue;
      if (!labelSelectorMatches(selector, other.metadata?.labels ?? {})) continue;
      for (const rule of other.rules ?? []) rules.set(canonical(rule), rule);
    }
  }
  return [...rules.values()];
}

const canonical = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string =>
  JSON.stringify([verbs, apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? []]);
