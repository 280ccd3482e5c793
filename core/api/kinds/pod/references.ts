// References to fields, resources and keys, as environment variables and downward volumes use them.
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
import { configMapKey, dns1123Label, dns1123Subdomain, qualifiedName, relaxedEnvVarName } from '../../names.ts';
import { canonicalQuantity, isZeroQuantity } from '../../quantity.ts';
import type { FileKeySelector, ObjectFieldSelector, ResourceFieldSelector } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { checkNoBacksteps } from './paths.ts';

/** Field paths that the v1 API knows at all; which of them a place supports is narrower. */
const knownPaths = new Set([
  ...['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'],
  ...['spec.nodeName', 'spec.restartPolicy', 'spec.serviceAccountName', 'spec.schedulerName'],
  // An old name of spec.nodeName.
  'spec.host',
  ...['status.phase', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
]);

export function validateFieldRef(
  found: Findings,
  field: string,
  reference: ObjectFieldSelector,
  supported: readonly string[],
): void {
  if (!reference.apiVersion) {
    found.required(`${field}.apiVersion`);
    return;
  }
  if (!reference.fieldPath) {
    found.required(`${field}.fieldPath`);
    return;
  }
  const label = reference.fieldPath;
  const [, path, key] = /^(.+?)\['(.*)'\]$/s.exec(label) ?? [];
  const problem = conversionProblem(reference.apiVersion, label, path);
  if (problem) {
    found.invalid(`${field}.fieldPath`, label, `error converting fieldPath: ${problem}`);
    return;
  }
  if (path === 'metadata.annotations') found.invalid(field, key!.toLowerCase(), qualifiedName(key!.toLowerCase()));
  else if (path === 'metadata.labels') found.invalid(field, key!, qualifiedName(key!));
  else if (!supported.includes(label === 'spec.host' ? 'spec.nodeName' : label)) {
    found.unsupported(`${field}.fieldPath`, label, [...supported].sort());
  }
}

function conversionProblem(version: string, label: string, subscripted: string | undefined): string | undefined {
  if (version !== 'v1') return `unsupported pod version: ${version}`;
  if (subscripted !== undefined) {
    const mayBe = subscripted === 'metadata.annotations' || subscripted === 'metadata.labels';
    return mayBe ? undefined : `field label does not support subscript: ${label}`;
  }
  return knownPaths.has(label) ? undefined : `field label not supported: ${label}`;
}

const resourceFields = ['cpu', 'memory', 'ephemeral-storage']
  .flatMap((name) => [`limits.${name}`, `requests.${name}`])
  .sort();
const byteDivisors = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';

function checkDivisor(found: Findings, field: string, resource: string, divisor: string | number | undefined): void {
  if (divisor === undefined || isZeroQuantity(String(divisor))) return;
  const kinds = [
    [/^(limits|requests)\.cpu$/, 'cpu', '1m and 1'],
    [/^(limits|requests)\.memory$/, 'memory', byteDivisors],
    [/^(limits|requests)\.ephemeral-storage$/, 'local ephemeral storage', byteDivisors],
    [/^(limits|requests)\.hugepages-/, 'hugepages', byteDivisors],
  ] as const;
  for (const [pattern, name, values] of kinds) {
    if (!pattern.test(resource) || values.split(/, | and /).includes(canonicalQuantity(String(divisor)))) continue;
    found.invalid(
      `${field}.divisor`,
      resource,
      `only divisor's values ${values} are supported with the ${name} resource`,
    );
  }
}

export function validateResourceFieldRef(
  found: Findings,
  field: string,
  reference: ResourceFieldSelector,
  inVolume: boolean,
): void {
  const { resource = '' } = reference;
  if (inVolume && !reference.containerName) found.required(`${field}.containerName`);
  else if (!resource) found.required(`${field}.resource`);
  else if (!resourceFields.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    found.unsupported(`${field}.resource`, resource, resourceFields);
  }
  checkDivisor(found, field, resource, reference.divisor);
}

export function validateKeyRef(found: Findings, field: string, reference: { name?: string; key?: string }): void {
  found.invalid(`${field}.name`, reference.name ?? '', dns1123Subdomain(reference.name ?? ''));
  if (!reference.key) found.required(`${field}.key`);
  else found.invalid(`${field}.key`, reference.key, configMapKey(reference.key));
}

export function validateFileKeyRef(found: Findings, field: string, reference: FileKeySelector): void {
  if (!reference.key) found.required(`${field}.key`);
  else found.invalid(`${field}.key`, reference.key, relaxedEnvVarName(reference.key));
  if (!reference.volumeName) found.required(`${field}.volumeName`);
  else found.invalid(`${field}.volumeName`, reference.volumeName, dns1123Label(reference.volumeName));
  if (!reference.path) found.required(`${field}.path`);
  else checkNoBacksteps(found, `${field}.path`, reference.path);
}
