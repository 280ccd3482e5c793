// Limit ranges and resource quotas: https://kubernetes.io/docs/concepts/policy/
import { canonicalQuantity } from '../../quantity.ts';
import type { LimitRange, ResourceQuota } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, defaultColumns, nameColumn, text } from '../columns.ts';
import { roundResources } from '../pod/defaults.ts';
import { validateLimitRange, validateResourceQuota, validateResourceQuotaUpdate } from './validate-limits.ts';

export const limitRangeRules: Rules<LimitRange> = {
  columns: defaultColumns as Rules<LimitRange>['columns'],
  allowCreateOnUpdate: true,
  setDefaults(range) {
    for (const item of range.spec?.limits ?? []) {
      const lists = [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio];
      for (const list of lists) roundResources(list);
      if (item.type !== 'Container') continue;
      const limits = { ...item.max, ...item.default };
      const requests = { ...item.min, ...limits, ...item.defaultRequest };
      if (Object.keys(limits).length > 0) item.default = limits;
      if (Object.keys(requests).length > 0) item.defaultRequest = requests;
    }
  },
  prepareForCreate(range, context) {
    if (range.metadata && !range.metadata.name) range.metadata.name = context.uuid();
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
};

const quantityCell = (value: string | number | undefined): string => canonicalQuantity(String(value ?? '0'));

const cells = (ofLimits: boolean) => (quota: ResourceQuota) =>
  Object.entries(quota.status?.hard ?? {})
    .filter(([name]) => /^limits\./.test(name) === ofLimits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${quantityCell(quota.status?.used?.[name])}/${quantityCell(hard)}`)
    .join(', ');

export const resourceQuotaRules: Rules<ResourceQuota> = {
  columns: [nameColumn, text('Request', cells(false)), text('Limit', cells(true)), ageColumn],
  setDefaults(quota) {
    roundResources(quota.spec?.hard);
    roundResources(quota.status?.hard);
    roundResources(quota.status?.used);
  },
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
};
