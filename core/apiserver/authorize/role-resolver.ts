// The rules that bindings give a user, through fresh views of roles and bindings.
import type { ObjectKey } from '../../api/objects.ts';
import type {
  ClusterRole,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  RbacV1Subject as Subject,
} from '../../api/types.gen.ts';
import { parseServiceAccountUsername } from '../authenticate/users.ts';
import type { Index, Lister, View } from '../lister.ts';
import type { User } from '../server.ts';

export const rbacGroup = 'rbac.authorization.k8s.io';
const resources = {
  roles: `roles.${rbacGroup}`,
  roleBindings: `rolebindings.${rbacGroup}`,
  clusterRoles: `clusterroles.${rbacGroup}`,
  clusterRoleBindings: `clusterrolebindings.${rbacGroup}`,
} as const;

export interface GrantedRule {
  rule: PolicyRule;
  /** Names the binding, for the reason of a decision. */
  source(): string;
}

export interface GrantedRules {
  rules: GrantedRule[];
  /** Bindings to roles that do not exist. */
  errors: string[];
}

export interface RoleResolver {
  rulesFor(user: User, namespace: string): Promise<GrantedRules>;
  /** The rules of a role reference; undefined when the role does not exist. */
  rulesOf(roleRef: RoleRef, namespace: string): Promise<PolicyRule[] | undefined>;
}

const subjectKey = (kind: string, name: string): string => `${kind}:${name}`;

/** A role binding counts in its own namespace only, so its keys carry it. */
const subjectIndex: Index = {
  name: 'subject',
  keys(object) {
    const namespace = object.metadata.namespace ?? '';
    const keys = ((object as unknown as RoleBinding).subjects ?? []).map(
      (subject) => `${namespace}|${keyOfSubject(subject, namespace)}`,
    );
    return [...new Set(keys)];
  },
};

function keyOfSubject(subject: Subject, bindingNamespace: string): string {
  if (subject.kind !== 'ServiceAccount') return subjectKey(subject.kind, subject.name);
  return subjectKey('ServiceAccount', `${subject.namespace || bindingNamespace}/${subject.name}`);
}

function keysOfUser(user: User): string[] {
  const serviceAccount = parseServiceAccountUsername(user.username);
  return [
    subjectKey('User', user.username),
    ...user.groups.map((group) => subjectKey('Group', group)),
    ...(serviceAccount ? [subjectKey('ServiceAccount', `${serviceAccount.namespace}/${serviceAccount.name}`)] : []),
  ];
}

/** A granted rule's binding, described as kube-apiserver does in "RBAC: allowed by ...". */
function describe(binding: RoleBinding, keys: readonly string[]): string {
  const { name = '', namespace = '' } = binding.metadata ?? {};
  const subject = (binding.subjects ?? []).find((s) => keys.includes(keyOfSubject(s, namespace)));
  const kind = namespace ? 'RoleBinding' : 'ClusterRoleBinding';
  const bindingName = namespace ? `${name}/${namespace}` : name;
  const subjectName =
    subject?.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : (subject?.name ?? '');
  const { roleRef } = binding;
  return `${kind} "${bindingName}" of ${roleRef.kind} "${roleRef.name}" to ${subject?.kind} "${subjectName}"`;
}

export function createRoleResolver(lister: Lister): RoleResolver {
  const rulesOf = async (roleRef: RoleRef, namespace: string): Promise<PolicyRule[] | undefined> => {
    const found = await lister.get(...locate(roleRef, namespace));
    return found && ((found.object as unknown as ClusterRole | Role).rules ?? []);
  };
  return {
    rulesOf,
    async rulesFor(user, namespace) {
      const [clusterBindings, bindings, clusterRoles, roles] = await Promise.all([
        lister.view(resources.clusterRoleBindings),
        namespace ? lister.view(resources.roleBindings) : undefined,
        lister.view(resources.clusterRoles),
        namespace ? lister.view(resources.roles) : undefined,
      ]);
      const result: GrantedRules = { rules: [], errors: [] };
      const keys = keysOfUser(user);
      collect(result, clusterBindings, '', keys, clusterRoles, roles);
      if (bindings) collect(result, bindings, namespace, keys, clusterRoles, roles);
      return result;
    },
  };
}

const locate = (roleRef: RoleRef, namespace: string): [string, ObjectKey] =>
  roleRef.kind === 'ClusterRole'
    ? [resources.clusterRoles, { namespace: '', name: roleRef.name }]
    : [resources.roles, { namespace, name: roleRef.name }];

function collect(
  into: GrantedRules,
  bindings: View,
  namespace: string,
  keys: readonly string[],
  clusterRoles: View,
  roles: View | undefined,
): void {
  const seen = new Set<RoleBinding>();
  for (const key of keys) {
    for (const object of bindings.by(subjectIndex, `${namespace}|${key}`)) seen.add(object as unknown as RoleBinding);
  }
  for (const binding of seen) {
    const { roleRef } = binding;
    const [, roleKey] = locate(roleRef, namespace);
    const found = (roleRef.kind === 'ClusterRole' ? clusterRoles : roles)?.get(roleKey);
    if (!found) {
      into.errors.push(`${roleRef.kind.toLowerCase()}.${rbacGroup} "${roleRef.name}" not found`);
      continue;
    }
    const source = () => describe(binding, keys);
    for (const rule of (found.object as unknown as ClusterRole).rules ?? []) into.rules.push({ rule, source });
  }
}

/** Several messages as one, in the form of an error list. */
export const joined = (errors: readonly string[]): string => {
  const distinct = [...new Set(errors)];
  return distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;
};
