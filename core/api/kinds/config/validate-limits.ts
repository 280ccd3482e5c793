// Limit ranges and resource quotas.
import type { FieldError } from '../../errors.ts';
import { qualifiedName } from '../../names.ts';
import { canonicalQuantity, compareQuantities, quantityMilliValue } from '../../quantity.ts';
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from '../../types.gen.ts';
import { Findings, immutable } from '../findings.ts';
import {
  checkContainerResourceName,
  checkQuotaResourceName,
  checkResourceName,
  checkResourceValue,
  isOvercommitAllowed,
} from '../resource-names.ts';

const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

function checkType(found: Findings, field: string, type: string): void {
  const errors = qualifiedName(type);
  found.invalid(field, type, errors);
  if (errors.length === 0 && !type.includes('/') && !['Pod', 'Container', 'PersistentVolumeClaim'].includes(type)) {
    found.invalid(field, type, 'must be a standard limit type or fully qualified');
  }
}

function validateAmounts(found: Findings, field: string, item: LimitRangeItem, name: string): void {
  const read = (list: (typeof lists)[number]): string | undefined => {
    if (item.type === 'Pod' && list.startsWith('default')) return undefined;
    const value = item[list]?.[name];
    return value === undefined ? undefined : canonicalQuantity(String(value));
  };
  const [max, min, limit, request, ratio] = lists.map(read);
  const above = (a: string | undefined, b: string | undefined): boolean =>
    a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
  const refuse = (list: string, value: string | undefined, why: string): void =>
    found.invalid(`${field}.${list}[${name}]`, value, why);
  if (above(min, max)) refuse('min', min, `min value ${min} is greater than max value ${max}`);
  if (above(min, request))
    refuse('defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  if (above(request, max))
    refuse('defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  if (above(request, limit)) {
    refuse('defaultRequest', request, `default request value ${request} is greater than default limit value ${limit}`);
  }
  if (above(min, limit)) refuse('default', min, `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) refuse('default', max, `default value ${limit} is greater than max value ${max}`);
  if (above('1', ratio)) refuse('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
  if (ratio !== undefined && min !== undefined && max !== undefined) {
    const most = quantityMilliValue(max) / quantityMilliValue(min);
    if (quantityMilliValue(ratio) / 1000 > most) {
      refuse('maxLimitRequestRatio', ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`);
    }
  }
  if (isOvercommitAllowed(name) || limit === undefined || request === undefined) return;
  if (compareQuantities(limit, request) !== 0) {
    refuse(
      'defaultRequest',
      request,
      `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
    );
  }
}

export function validateLimitRange(range: LimitRange): FieldError[] {
  const found = new Findings();
  const seen = new Set<string>();
  for (const [i, item] of (range.spec?.limits ?? []).entries()) {
    const at = `spec.limits[${i}]`;
    checkType(found, `${at}.type`, item.type);
    if (seen.has(item.type)) found.duplicate(`${at}.type`, item.type);
    seen.add(item.type);
    const checkName = item.type === 'Pod' || item.type === 'Container' ? checkContainerResourceName : checkResourceName;
    const names = new Set<string>();
    for (const list of lists) {
      const entries = Object.keys(item[list] ?? {});
      if (item.type === 'Pod' && list.startsWith('default')) {
        if (entries.length > 0) found.forbidden(`${at}.${list}`, "may not be specified when `type` is 'Pod'");
        continue;
      }
      for (const name of entries) {
        checkName(found, `${at}.${list}[${name}]`, name);
        names.add(name);
      }
    }
    const bounded = item.min?.['storage'] !== undefined || item.max?.['storage'] !== undefined;
    if (item.type === 'PersistentVolumeClaim' && !bounded) {
      found.required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided');
    }
    for (const name of names) validateAmounts(found, at, item, name);
  }
  return found.errors;
}

const podScopes = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
];
const existsOnly = podScopes.filter((scope) => scope !== 'PriorityClass');
const computeResources = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const otherQuotas = [
  ...[
    'ephemeral-storage',
    'requests.ephemeral-storage',
    'limits.ephemeral-storage',
    'requests.storage',
    'resourcequotas',
  ],
  ...['services', 'replicationcontrollers', 'secrets', 'persistentvolumeclaims', 'configmaps', 'services.nodeports'],
  'services.loadbalancers',
];

/** Whether a scope says something about a resource; resources with no rule are not looked at. */
function fits(scope: string, resource: string): boolean {
  if (![...computeResources, ...otherQuotas, 'pods'].includes(resource)) return true;
  if (scope === 'BestEffort') return resource === 'pods';
  if (podScopes.includes(scope)) return resource === 'pods' || computeResources.includes(resource);
  if (scope === 'VolumeAttributesClass') return ['persistentvolumeclaims', 'requests.storage'].includes(resource);
  return true;
}

const conflicts = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
];

function checkScopes(found: Findings, field: string, scopes: readonly string[], shown: unknown): void {
  for (const pair of conflicts)
    if (pair.every((scope) => scopes.includes(scope))) found.invalid(field, shown, 'conflicting scopes');
}

function validateSelector(found: Findings, spec: ResourceQuotaSpec): void {
  const field = 'spec.scopeSelector.matchExpressions';
  const requirements = spec.scopeSelector?.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of requirements) {
    if (!podScopes.includes(scopeName) && scopeName !== 'VolumeAttributesClass') {
      found.invalid(`${field}.scopeName`, scopeName, 'unsupported scope');
    }
    for (const resource of Object.keys(spec.hard ?? {}).sort()) {
      if (!fits(scopeName, resource))
        found.invalid(field, shownSelector(spec), 'unsupported scope applied to resource');
    }
    if (existsOnly.includes(scopeName) && operator !== 'Exists') {
      const all =
        'ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity';
      found.invalid(`${field}.operator`, operator, `must be 'Exists' when scope is any of ${all}`);
    }
    if (operator === 'In' || operator === 'NotIn') {
      const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) found.required(`${field}.values`, why);
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) found.invalid(`${field}.values`, values, why);
    } else found.invalid(`${field}.operator`, operator ?? '', 'not a valid selector operator');
  }
  checkScopes(
    found,
    field,
    requirements.map((requirement) => requirement.scopeName),
    spec.scopes ?? null,
  );
}

const shownSelector = (spec: ResourceQuotaSpec) => ({
  MatchExpressions: (spec.scopeSelector?.matchExpressions ?? []).map(({ operator, scopeName, values }) => ({
    ScopeName: scopeName,
    Operator: operator,
    Values: values ?? null,
  })),
});

function validateAmountsOf(found: Findings, field: string, list: Record<string, string | number> | undefined): void {
  for (const [name, value] of Object.entries(list ?? {})) {
    checkQuotaResourceName(found, `${field}[${name}]`, name);
    checkResourceValue(found, `${field}[${name}]`, name, value);
  }
}

export function validateResourceQuota(quota: ResourceQuota): FieldError[] {
  const found = new Findings();
  const spec = quota.spec ?? {};
  const scopes = spec.scopes ?? [];
  validateAmountsOf(found, 'spec.hard', spec.hard);
  for (const scope of scopes) {
    if (!podScopes.includes(scope) && scope !== 'VolumeAttributesClass')
      found.invalid('spec.scopes', scopes, 'unsupported scope');
    for (const resource of Object.keys(spec.hard ?? {}).sort()) {
      if (!fits(scope, resource)) found.invalid('spec.scopes', scopes, 'unsupported scope applied to resource');
    }
  }
  checkScopes(found, 'spec.scopes', scopes, scopes);
  validateSelector(found, spec);
  return found.errors;
}

export function validateResourceQuotaUpdate(
  quota: ResourceQuota,
  old: ResourceQuota,
  subresource: string,
): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    validateAmountsOf(found, 'status.hard', quota.status?.hard);
    validateAmountsOf(found, 'status.used', quota.status?.used);
    return found.errors;
  }
  found.add(validateResourceQuota(quota));
  const scopes = new Set(quota.spec?.scopes);
  const before = new Set(old.spec?.scopes);
  if (scopes.symmetricDifference(before).size > 0) found.invalid('spec.scopes', quota.spec?.scopes ?? null, immutable);
  return found.errors;
}
