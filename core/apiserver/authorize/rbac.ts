// The RBAC authorizer: allows what some rule of some binding grants, and never denies for good.
import type { Authorizer } from '../server.ts';
import { joined, type RoleResolver } from './role-resolver.ts';
import { ruleAllows } from './rule.ts';

export function rbacAuthorizer(roles: RoleResolver): Authorizer {
  return async (attributes) => {
    const { rules, errors } = await roles.rulesFor(attributes.user, attributes.isResource ? attributes.namespace : '');
    const granting = rules.find(({ rule }) => ruleAllows(rule, attributes));
    if (granting) return { allowed: true, reason: `RBAC: allowed by ${granting.source()}` };
    return { allowed: false, reason: errors.length > 0 ? `RBAC: ${joined(errors)}` : '' };
  };
}
