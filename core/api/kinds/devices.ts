// Dynamic resource allocation: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
import type {
  DeviceClaim,
  DeviceClass,
  ResourceClaimTemplate,
  ResourceSlice,
  ResourceV1ResourceClaim,
} from '../types.gen.ts';
import type { Rules } from './build.ts';
import { ageColumn, nameColumn, text } from './columns.ts';
import * as check from './validate-devices.ts';

function setClaimDefaults(devices: DeviceClaim | undefined): void {
  for (const { exactly, firstAvailable } of devices?.requests ?? []) {
    for (const request of [exactly, ...(firstAvailable ?? [])]) {
      if (!request) continue;
      request.allocationMode ||= 'ExactCount';
      if (request.allocationMode === 'ExactCount') request.count ||= 1;
    }
  }
}

function stateCell(claim: ResourceV1ResourceClaim): string {
  const deleted = claim.metadata?.deletionTimestamp !== undefined;
  const states = deleted ? ['deleted'] : [];
  if (claim.status?.allocation) {
    states.push('allocated');
    if ((claim.status.reservedFor ?? []).length > 0) states.push('reserved');
  } else if (!deleted) states.push('pending');
  return states.join(',');
}

export const deviceClassRules: Rules<DeviceClass> = {
  columns: [nameColumn, ageColumn],
  validate: check.validateDeviceClass,
};

export const resourceClaimRules: Rules<ResourceV1ResourceClaim> = {
  columns: [nameColumn, text('State', stateCell), ageColumn],
  resetMetaForStatus: true,
  setDefaults: (claim) => setClaimDefaults(claim.spec?.devices),
  validate: check.validateClaim,
  validateUpdate: (claim, old, subresource) => (subresource === '' ? check.validateUnchangedSpec(claim, old) : []),
};

export const resourceClaimTemplateRules: Rules<ResourceClaimTemplate> = {
  columns: [nameColumn, ageColumn],
  setDefaults: (template) => setClaimDefaults(template.spec?.spec?.devices),
  validate: check.validateClaimTemplate,
  validateUpdate: check.validateUnchangedSpec,
};

export const resourceSliceRules: Rules<ResourceSlice> = {
  fieldLabels: {
    'spec.nodeName': (slice) => slice.spec?.nodeName,
    'spec.driver': (slice) => slice.spec?.driver,
  },
  columns: [
    nameColumn,
    text('Node', (slice) => slice.spec?.nodeName ?? ''),
    text('Driver', (slice) => slice.spec?.driver ?? ''),
    text('Pool', (slice) => slice.spec?.pool?.name ?? ''),
    ageColumn,
  ],
  validate: check.validateSlice,
};
