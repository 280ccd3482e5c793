// Resource requirements of containers and of pods as a whole.
import { dns1123Label } from '../../names.ts';
import { canonicalQuantity, compareQuantities, formatQuantity } from '../../quantity.ts';
import type { CoreV1ResourceClaim, PodSpec, ResourceRequirements } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import {
  checkContainerResourceName,
  checkHugePages,
  checkResourceName,
  checkResourceValue,
  isHugePages,
  isOvercommitAllowed,
} from '../resource-names.ts';
import { aggregateResources } from './pod-resources.ts';

type NameRule = (found: Findings, field: string, name: string) => void;

const isCompute = (name: string): boolean => name === 'cpu' || name === 'memory';

export function validateResources(
  found: Findings,
  field: string,
  requirements: ResourceRequirements | undefined,
  claims: ReadonlySet<string>,
  nameRule: NameRule = checkContainerResourceName,
): void {
  if (!requirements) return;
  const limits = Object.entries(requirements.limits ?? {});
  const requests = Object.entries(requirements.requests ?? {});
  for (const [name, value] of limits) {
    const at = `${field}.limits[${name}]`;
    nameRule(found, at, name);
    checkResourceValue(found, at, name, value);
    checkHugePages(found, at, name, value);
  }
  for (const [name, value] of requests) {
    const at = `${field}.requests[${name}]`;
    nameRule(found, at, name);
    checkResourceValue(found, at, name, value);
    const limit = requirements.limits?.[name];
    const text = canonicalQuantity(String(value));
    if (limit !== undefined) {
      const order = compareQuantities(String(value), String(limit));
      const limitText = `${name} limit of ${canonicalQuantity(String(limit))}`;
      if (order !== 0 && !isOvercommitAllowed(name))
        found.invalid(`${field}.requests`, text, `must be equal to ${limitText}`);
      else if (order > 0) found.invalid(`${field}.requests`, text, `must be less than or equal to ${limitText}`);
    } else if (!isOvercommitAllowed(name)) {
      found.required(`${field}.limits`, 'Limit must be set for non overcommitable resources');
    }
    checkHugePages(found, at, name, value);
  }
  const names = [...limits, ...requests].map(([name]) => name);
  if (names.some(isHugePages) && !names.some(isCompute)) found.forbidden(field, 'HugePages require cpu or memory');
  validateClaims(found, `${field}.claims`, requirements.claims ?? [], claims);
}

function validateClaims(
  found: Findings,
  field: string,
  claims: readonly CoreV1ResourceClaim[],
  known: ReadonlySet<string>,
): void {
  const seen = new Set<string>();
  for (const [index, { name, request }] of claims.entries()) {
    const at = `${field}[${index}]`;
    if (!name) {
      found.required(at);
      continue;
    }
    if (seen.has(name)) found.duplicate(at, name);
    else {
      if (request) found.invalid(`${at}.request`, request, dns1123Label(request));
      const key = request ? `${name}/${request}` : name;
      if (seen.has(key)) found.duplicate(at, key);
      else if (!request && [...seen].some((other) => other.startsWith(`${name}/`))) found.duplicate(at, name);
      seen.add(key);
    }
    if (known.has(name)) continue;
    const where = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    found.notFound(at, name);
    const error = found.errors.at(-1)!;
    error.message += `: must be one of the names in pod.spec.resourceClaims${where}`;
  }
}

const podLevelName: NameRule = (found, field, name) => {
  if (!checkResourceName(found, field, name)) return;
  if (!isCompute(name) && !isHugePages(name)) found.unsupported(field, name, ['cpu', 'hugepages-', 'memory']);
};

/** Resources of the pod as a whole: https://kubernetes.io/docs/tasks/configure-pod-container/assign-pod-level-resources/ */
export function validatePodLevelResources(
  found: Findings,
  field: string,
  spec: PodSpec,
  claims: ReadonlySet<string>,
): void {
  const own = spec.resources;
  if (!own) return;
  const at = `${field}.resources`;
  if (spec.os?.name === 'windows') {
    found.forbidden(at, 'may not be set for a windows pod');
    return;
  }
  if (own.claims) found.forbidden(`${at}.claims`, 'claims may not be set for Resources at pod-level');
  validateResources(found, at, own, claims, podLevelName);
  for (const [name, total] of aggregateResources(spec, 'requests')) {
    const request = own.requests?.[name];
    if (request === undefined || compareQuantities(total, String(request)) <= 0) continue;
    const text = `must be greater than or equal to aggregate container requests of ${formatQuantity(total)}`;
    found.invalid(`${at}.requests[${name}]`, canonicalQuantity(String(request)), text);
  }
  for (const [name, total] of aggregateResources(spec, 'limits')) {
    const limit = own.limits?.[name];
    if (!isHugePages(name) || limit === undefined || compareQuantities(total, String(limit)) <= 0) continue;
    const text = `must be greater than or equal to aggregate container limits of ${formatQuantity(total)}`;
    found.invalid(`${at}.requests.limits[${name}]`, canonicalQuantity(String(limit)), text);
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [name, value] of Object.entries(container.resources?.limits ?? {})) {
      const limit = own.limits?.[name];
      if (limit === undefined || compareQuantities(String(value), String(limit)) <= 0) continue;
      const text = `must be less than or equal to pod limits of ${canonicalQuantity(String(limit))}`;
      found.invalid(`${at}.containers[${index}][${name}].limits`, canonicalQuantity(String(value)), text);
    }
  }
}
