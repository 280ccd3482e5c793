// Claims for devices, their classes, and slices of what nodes have. Expressions are kept, not compiled.
import type { FieldError } from '../errors.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import type {
  DeviceClaim,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  ResourceClaimTemplate,
  ResourceSlice,
  ResourceV1ResourceClaim,
} from '../types.gen.ts';
import { Findings, repeats } from './findings.ts';

const maxRequests = 32;
const maxDriverName = 63;

function validateSelectors(found: Findings, field: string, selectors: readonly DeviceSelector[]): void {
  for (const [i, { cel }] of selectors.entries()) if (!cel) found.required(`${field}[${i}].cel`);
}

function validateWanted(found: Findings, field: string, wanted: Omit<DeviceSubRequest, 'name'>): void {
  const { deviceClassName: className, selectors = [], allocationMode: mode = '', count = 0 } = wanted;
  if (!className) found.required(`${field}.deviceClassName`);
  else found.invalid(`${field}.deviceClassName`, className, dns1123Subdomain(className));
  validateSelectors(found, `${field}.selectors`, selectors);
  if (mode === 'All') {
    if (count !== 0) found.invalid(`${field}.count`, count, "must not be specified when allocationMode is 'All'");
  } else if (mode !== 'ExactCount') found.unsupported(`${field}.allocationMode`, mode, ['All', 'ExactCount']);
  else if (count <= 0) found.invalid(`${field}.count`, count, 'must be greater than zero');
}

function validateRequest(found: Findings, field: string, request: DeviceRequest): void {
  const { name, exactly, firstAvailable = [] } = request;
  found.invalid(`${field}.name`, name, dns1123Label(name ?? ''));
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly && firstAvailable.length > 0) found.invalid(field, null, `${one}, but multiple fields are set`);
  else if (exactly) validateWanted(found, `${field}.exactly`, exactly);
  else if (firstAvailable.length === 0) found.required(field, one);
  const twice = repeats(firstAvailable, (wanted) => wanted.name);
  for (const [i, wanted] of exactly ? [] : firstAvailable.entries()) {
    const at = `${field}.firstAvailable[${i}]`;
    found.invalid(`${at}.name`, wanted.name, dns1123Label(wanted.name ?? ''));
    validateWanted(found, at, wanted);
    if (twice.has(i)) found.duplicate(at, wanted.name);
  }
}

function validateDeviceClaim(found: Findings, field: string, { requests = [] }: DeviceClaim): void {
  const twice = repeats(requests, (request) => request.name);
  for (const [i, request] of requests.entries()) {
    const at = `${field}.requests[${i}]`;
    validateRequest(found, at, request);
    if (twice.has(i)) found.duplicate(at, request.name);
  }
  if (requests.length > maxRequests) found.tooMany(`${field}.requests`, requests.length, maxRequests);
}

export function validateClaim({ spec }: ResourceV1ResourceClaim): FieldError[] {
  const found = new Findings();
  validateDeviceClaim(found, 'spec.devices', spec?.devices ?? {});
  return found.errors;
}

export function validateClaimTemplate({ spec }: ResourceClaimTemplate): FieldError[] {
  const found = new Findings();
  validateDeviceClaim(found, 'spec.spec.devices', spec?.spec?.devices ?? {});
  return found.errors;
}

export function validateUnchangedSpec<T extends { spec?: object }>(object: T, old: T): FieldError[] {
  const found = new Findings();
  found.unchanged('spec', object.spec, old.spec);
  return found.errors;
}

export function validateDeviceClass({ spec }: DeviceClass): FieldError[] {
  const found = new Findings();
  validateSelectors(found, 'spec.selectors', spec?.selectors ?? []);
  return found.errors;
}

function validateSliceSpec(found: Findings, spec: NonNullable<ResourceSlice['spec']>): void {
  const driver = spec.driver ?? '';
  if (!driver) found.required('spec.driver');
  else {
    if (driver.length > maxDriverName) found.tooLong('spec.driver', maxDriverName);
    found.invalid('spec.driver', driver, dns1123Subdomain(driver.toLowerCase()));
  }
  const pool = spec.pool?.name ?? '';
  if (!pool) found.required('spec.pool.name');
  else for (const part of pool.split('/')) found.invalid('spec.pool.name', part, dns1123Subdomain(part));
  const slices = spec.pool?.resourceSliceCount ?? 0;
  if (slices <= 0) found.invalid('spec.pool.resourceSliceCount', slices, 'must be greater than zero');
  found.nonNegative('spec.pool.generation', spec.pool?.generation);
  const places = ['nodeName', 'nodeSelector', 'allNodes', 'perDeviceNodeSelection'] as const;
  const given = places.filter((place) => spec[place]);
  const one = `exactly one of ${places.map((place) => `\`${place}\``).join(', ')} is required`;
  if (given.length === 0) found.required('spec', one);
  else if (given.length > 1) found.invalid('spec', `{${given.join(', ')}}`, `${one}, but multiple fields are set`);
  if (spec.nodeName) found.invalid('spec.nodeName', spec.nodeName, dns1123Subdomain(spec.nodeName));
}

export function validateSlice({ spec }: ResourceSlice): FieldError[] {
  const found = new Findings();
  if (spec) validateSliceSpec(found, spec);
  const devices = spec?.devices ?? [];
  const twice = repeats(devices, ({ name }) => name);
  for (const [i, { name }] of devices.entries()) {
    found.invalid(`spec.devices[${i}].name`, name, dns1123Label(name ?? ''));
    if (twice.has(i)) found.duplicate(`spec.devices[${i}]`, name);
  }
  return found.errors;
}
