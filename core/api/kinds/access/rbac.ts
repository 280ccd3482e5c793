// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
import { pathSegmentName } from '../../names.ts';
import type { ClusterRole, ClusterRoleBinding, RbacV1Subject, Role, RoleBinding } from '../../types.gen.ts';
import type { Rules, TypedColumn } from '../build.ts';
import { ageColumn, defaultColumns, nameColumn, text, wide } from '../columns.ts';
import { bindingUpdateValidator, bindingValidator, validateClusterRole, validateRole } from './validate-rbac.ts';

type Binding = RoleBinding | ClusterRoleBinding;

export const rbacGroup = 'rbac.authorization.k8s.io';

const subjects = (kind: string, show: (subject: RbacV1Subject) => string) => (binding: Binding) =>
  (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(show)
    .join(', ');

const bindingColumns: TypedColumn<Binding>[] = [
  nameColumn,
  text('Role', (binding) => `${binding.roleRef?.kind}/${binding.roleRef?.name}`),
  ageColumn,
  wide(
    'Users',
    subjects('User', (subject) => subject.name),
  ),
  wide(
    'Groups',
    subjects('Group', (subject) => subject.name),
  ),
  wide(
    'ServiceAccounts',
    subjects('ServiceAccount', (subject) => `${subject.namespace ?? ''}/${subject.name}`),
  ),
];

function setBindingDefaults(binding: Binding): void {
  if (binding.roleRef) binding.roleRef.apiGroup ||= rbacGroup;
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup;
  }
}

export const roleRules: Rules<Role> = {
  columns: defaultColumns as Rules<Role>['columns'],
  validateName: pathSegmentName,
  allowCreateOnUpdate: true,
  validate: validateRole,
  validateUpdate: validateRole,
};

export const clusterRoleRules: Rules<ClusterRole> = {
  columns: defaultColumns as Rules<ClusterRole>['columns'],
  validateName: pathSegmentName,
  allowCreateOnUpdate: true,
  validate: validateClusterRole,
  validateUpdate: validateClusterRole,
};

const binding: Rules<Binding> = {
  columns: bindingColumns,
  validateName: pathSegmentName,
  allowCreateOnUpdate: true,
  setDefaults: setBindingDefaults,
};

export const roleBindingRules: Rules<RoleBinding> = {
  ...binding,
  validate: bindingValidator(true),
  validateUpdate: bindingUpdateValidator(true),
};

export const clusterRoleBindingRules: Rules<ClusterRoleBinding> = {
  ...binding,
  validate: bindingValidator(false),
  validateUpdate: bindingUpdateValidator(false),
};
