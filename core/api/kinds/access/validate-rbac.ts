import type { FieldError } from '../../errors.ts';
import { dns1123Subdomain, pathSegmentName } from '../../names.ts';
import type { ClusterRole, PolicyRule, RbacV1Subject, Role, RoleBinding } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

function validateRule(found: Findings, field: string, rule: PolicyRule, namespaced: boolean): void {
  if ((rule.verbs ?? []).length === 0) found.required(`${field}.verbs`, 'verbs must contain at least one value');
  const urls = rule.nonResourceURLs ?? [];
  const groups = rule.apiGroups ?? [];
  const resources = rule.resources ?? [];
  if (urls.length > 0) {
    const at = `${field}.nonResourceURLs`;
    if (namespaced) found.invalid(at, urls, 'namespaced rules cannot apply to non-resource URLs');
    if (groups.length + resources.length + (rule.resourceNames ?? []).length > 0) {
      found.invalid(at, urls, 'rules cannot apply to both regular resources and non-resource URLs');
    }
    return;
  }
  if (groups.length === 0) found.required(`${field}.apiGroups`, 'resource rules must supply at least one api group');
  if (resources.length === 0) found.required(`${field}.resources`, 'resource rules must supply at least one resource');
}

export function validateRole(role: Role): FieldError[] {
  const found = new Findings();
  for (const [i, rule] of (role.rules ?? []).entries()) validateRule(found, `rules[${i}]`, rule, true);
  return found.errors;
}

export function validateClusterRole(role: ClusterRole): FieldError[] {
  const found = new Findings();
  for (const [i, rule] of (role.rules ?? []).entries()) validateRule(found, `rules[${i}]`, rule, false);
  if (!role.aggregationRule) return found.errors;
  const field = 'aggregationRule.clusterRoleSelectors';
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    found.required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  }
  for (const [i, selector] of selectors.entries()) {
    const before = found.errors.length;
    validateLabelSelector(found, `${field}[${i}]`, selector);
    if (found.errors.length > before) found.invalid(`${field}[${i}]`, null, 'invalid label selector.');
  }
  return found.errors;
}

function validateSubject(found: Findings, field: string, subject: RbacV1Subject, namespaced: boolean): void {
  if (!subject.name) found.required(`${field}.name`);
  if (subject.kind === 'ServiceAccount') {
    if (subject.name) found.invalid(`${field}.name`, subject.name, dns1123Subdomain(subject.name));
    if (subject.apiGroup) found.unsupported(`${field}.apiGroup`, subject.apiGroup, ['']);
    if (!namespaced && !subject.namespace) found.required(`${field}.namespace`);
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    if (subject.apiGroup !== rbacGroup) found.unsupported(`${field}.apiGroup`, subject.apiGroup ?? '', [rbacGroup]);
  } else found.unsupported(`${field}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']);
}

/** RoleBinding and ClusterRoleBinding have the same shape. */
export const bindingValidator =
  (namespaced: boolean) =>
  ({ roleRef, subjects }: RoleBinding): FieldError[] => {
    const found = new Findings();
    const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
    const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
    if (apiGroup !== rbacGroup) found.unsupported('roleRef.apiGroup', apiGroup, [rbacGroup]);
    if (!kinds.includes(kind)) found.unsupported('roleRef.kind', kind, kinds);
    if (!name) found.required('roleRef.name');
    else found.invalid('roleRef.name', name, pathSegmentName(name));
    for (const [i, subject] of (subjects ?? []).entries())
      validateSubject(found, `subjects[${i}]`, subject, namespaced);
    return found.errors;
  };

export const bindingUpdateValidator =
  (namespaced: boolean) =>
  (binding: RoleBinding, old: RoleBinding): FieldError[] => {
    const found = new Findings();
    found.add(bindingValidator(namespaced)(binding));
    if (!sameValue(binding.roleRef, old.roleRef)) {
      const { apiGroup: APIGroup, kind: Kind, name: Name } = binding.roleRef;
      found.invalid('roleRef', { APIGroup, Kind, Name }, 'cannot change roleRef');
    }
    return found.errors;
  };
