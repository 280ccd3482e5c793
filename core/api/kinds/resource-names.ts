// Names and amounts of resources: https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/
import { qualifiedName } from '../names.ts';
import { canonicalQuantity, parseQuantity, quantitySign, scaledValue } from '../quantity.ts';
import { type Findings, notNegative } from './findings.ts';

const hugePages = 'hugepages-';
const requests = 'requests.';

const containerResources = ['cpu', 'memory', 'ephemeral-storage'];
const countedResources = [
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
].concat(['persistentvolumeclaims', 'services.nodeports', 'services.loadbalancers']);
const computeQuotas = containerResources.flatMap((name) => [name, `requests.${name}`, `limits.${name}`]);
const standardResources = new Set([...computeQuotas, ...countedResources, 'storage', 'requests.storage']);
const quotaResources = new Set([...computeQuotas, ...countedResources, 'requests.storage']);
const integerResources = new Set(countedResources);

export const isHugePages = (name: string): boolean => name.startsWith(hugePages);
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith(`${requests}${hugePages}`);
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith(requests) && qualifiedName(`${requests}${name}`).length === 0;
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);
const isIntegerResource = (name: string): boolean => integerResources.has(name) || isExtendedResource(name);

/** False when something was found. */
export function checkResourceName(found: Findings, field: string, name: string): boolean {
  const errors = qualifiedName(name);
  found.invalid(field, name, errors);
  if (errors.length > 0) return false;
  if (name.includes('/') || standardResources.has(name) || isQuotaHugePages(name)) return true;
  found.invalid(field, name, 'must be a standard resource type or fully qualified');
  return false;
}

export function checkContainerResourceName(found: Findings, field: string, name: string): void {
  checkResourceName(found, field, name);
  if (name.split('/').length === 1) {
    if (!containerResources.includes(name) && !isHugePages(name)) {
      found.invalid(field, name, 'must be a standard resource for containers');
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    found.invalid(field, name, "doesn't follow extended resource name standard");
  }
}

export function checkQuotaResourceName(found: Findings, field: string, name: string): void {
  checkResourceName(found, field, name);
  if (name.split('/').length === 1 && !quotaResources.has(name) && !isQuotaHugePages(name)) {
    found.invalid(field, name, 'must be a standard resource for quota');
  }
}

/** Not negative, and whole for resources that come in pieces. */
export function checkResourceValue(found: Findings, field: string, name: string, value: string | number): void {
  const quantity = parseQuantity(String(value));
  if (quantitySign(quantity) < 0) found.invalid(field, canonicalQuantity(String(value)), notNegative);
  if (isIntegerResource(name) && scaledValue(quantity, -3) % 1000n !== 0n) {
    found.invalid(field, canonicalQuantity(String(value)), 'must be an integer');
  }
}

/** Amounts of huge pages are multiples of the page. */
export function checkHugePages(found: Findings, field: string, name: string, value: string | number): void {
  if (!isHugePages(name)) return;
  const size = scaledValue(parseQuantity(name.slice(hugePages.length)), 0);
  const amount = scaledValue(parseQuantity(String(value)), 0);
  const text = canonicalQuantity(String(value));
  if (size === 0n || amount < 0n || amount % size !== 0n) {
    found.invalid(field, text, `${text} is not positive integer multiple of ${name}`);
  }
}
