// Cluster roles with an aggregation rule hold the rules of the roles that it selects.
// Follows https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
import { aggregatedRules } from '../api/aggregate-roles.ts';
import { sameValue } from '../api/kinds/findings.ts';
import type { Stored } from '../api/objects.ts';
import type { ClusterRole } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import type { Controller } from './controller.ts';
import { asObject } from './owner.ts';

export interface ObservedClusterRole {
  role: Stored<ClusterRole>;
  all: readonly ClusterRole[];
}

const aggregates = (role: ClusterRole | undefined): boolean => Boolean(role?.aggregationRule);

export const clusterRoleAggregationController: Controller<ObservedClusterRole> = {
  name: 'cluster-role-aggregation',
  component: 'clusterrole-aggregation-controller',
  watches: [resources.clusterRoles],
  keysFor: (of, _object, _previous, cache) =>
    cache
      .list(of)
      .filter((role) => aggregates(role as unknown as ClusterRole))
      .map(({ metadata }) => ({ namespace: '', name: metadata.name ?? '' })),
  observe(key, cache) {
    const role = cache.get(resources.clusterRoles, key) as unknown as Stored<ClusterRole> | undefined;
    if (!role || !aggregates(role)) return undefined;
    return { role, all: cache.list(resources.clusterRoles) as unknown as ClusterRole[] };
  },
  decide({ role, all }) {
    const rules = aggregatedRules(role, all);
    if (!rules || sameValue(rules, role.rules)) return [];
    return [{ do: 'update', of: resources.clusterRoles, object: asObject({ ...role, rules }) }];
  },
};
