// Containers of a pod: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container
import { dns1123Label, dns1123Subdomain, portName, portNumber, prefixOf, relaxedEnvVarName } from '../../names.ts';
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  EnvFromSource,
  EnvVar,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { validateFieldRef, validateFileKeyRef, validateKeyRef, validateResourceFieldRef } from './references.ts';
import { validateMounts } from './validate-mounts.ts';
import { validateResources } from './validate-resources.ts';
import { validateSecurityContext } from './validate-security.ts';

export const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
export const protocols = ['SCTP', 'TCP', 'UDP'];

const envFieldPaths = [
  ...['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'],
  ...['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
];

/** What the containers of a pod share while they are looked at. */
export interface PodScope {
  spec: PodSpec;
  volumes: ReadonlyMap<string, Volume>;
  claims: ReadonlySet<string>;
}

function validatePorts(found: Findings, field: string, ports: readonly ContainerPort[]): void {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${field}[${index}]`;
    if (port.name) {
      const errors = portName(port.name);
      found.invalid(`${at}.name`, port.name, errors);
      if (errors.length === 0 && names.has(port.name)) found.duplicate(`${at}.name`, port.name);
      if (errors.length === 0) names.add(port.name);
    }
    if (!port.containerPort) found.required(`${at}.containerPort`);
    else found.invalid(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort));
    if (port.hostPort) found.invalid(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort));
    found.oneOf(`${at}.protocol`, port.protocol, protocols);
  }
}

function validateEnv(found: Findings, field: string, variables: readonly EnvVar[]): void {
  for (const [index, variable] of variables.entries()) {
    const at = `${field}[${index}]`;
    if (!variable.name) found.required(`${at}.name`);
    else found.invalid(`${at}.name`, variable.name, relaxedEnvVarName(variable.name));
    if (variable.valueFrom) validateValueFrom(found, `${at}.valueFrom`, variable);
  }
}

function validateValueFrom(found: Findings, field: string, { value, valueFrom }: EnvVar): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom!;
  if (fieldRef) validateFieldRef(found, `${field}.fieldRef`, fieldRef, envFieldPaths);
  if (resourceFieldRef) validateResourceFieldRef(found, `${field}.resourceFieldRef`, resourceFieldRef, false);
  if (configMapKeyRef) validateKeyRef(found, `${field}.configMapKeyRef`, configMapKeyRef);
  if (secretKeyRef) validateKeyRef(found, `${field}.secretKeyRef`, secretKeyRef);
  if (fileKeyRef) validateFileKeyRef(found, `${field}.fileKeyRef`, fileKeyRef);
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (sources === 0) {
    const all = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    found.invalid(field, '', `must specify one of: ${all}`);
  } else if (value) found.invalid(field, '', 'may not be specified when `value` is not empty');
  else if (sources > 1) found.invalid(field, '', 'may not have more than one field specified at a time');
}

function validateEnvFrom(found: Findings, field: string, sources: readonly EnvFromSource[]): void {
  for (const [index, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const at = `${field}[${index}]`;
    if (prefix) found.invalid(`${at}.prefix`, prefix, relaxedEnvVarName(prefix));
    for (const [name, reference] of Object.entries({ configMapRef, secretRef })) {
      if (!reference) continue;
      if (!reference.name) found.required(`${at}.${name}.name`);
      else found.invalid(`${at}.${name}.name`, reference.name, prefixOf(dns1123Subdomain)(reference.name));
    }
    if (!configMapRef && !secretRef) found.invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (configMapRef && secretRef)
      found.invalid(field, '', 'may not have more than one field specified at a time');
  }
}

function validateResizePolicies(
  found: Findings,
  field: string,
  policies: readonly ContainerResizePolicy[],
  podRestartPolicy: string | undefined,
): void {
  const seen = new Set<string>();
  for (const [index, policy] of policies.entries()) {
    if (seen.has(policy.resourceName)) found.duplicate(`${field}[${index}]`, policy.resourceName);
    seen.add(policy.resourceName);
    found.oneOf(field, policy.resourceName, ['cpu', 'memory']);
    found.oneOf(field, policy.restartPolicy, ['NotRequired', 'RestartContainer']);
    if (podRestartPolicy === 'Never' && policy.restartPolicy !== 'NotRequired') {
      found.invalid(field, policy.restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  }
}

/** What holds for containers of every sort. */
export function validateContainer(
  found: Findings,
  field: string,
  container: Container | EphemeralContainer,
  scope: PodScope,
): void {
  const { spec } = scope;
  if (!container.name) found.required(`${field}.name`);
  else found.invalid(`${field}.name`, container.name, dns1123Label(container.name));
  if (!container.image) found.required(`${field}.image`);
  found.oneOf(`${field}.terminationMessagePolicy`, container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ]);
  validatePorts(found, `${field}.ports`, container.ports ?? []);
  validateEnv(found, `${field}.env`, container.env ?? []);
  validateEnvFrom(found, `${field}.envFrom`, container.envFrom ?? []);
  validateMounts(found, field, container, scope.volumes);
  found.oneOf(`${field}.imagePullPolicy`, container.imagePullPolicy, pullPolicies);
  validateResources(found, `${field}.resources`, container.resources, scope.claims);
  validateResizePolicies(found, `${field}.resizePolicy`, container.resizePolicy ?? [], spec.restartPolicy);
  validateSecurityContext(found, `${field}.securityContext`, container.securityContext, spec.hostUsers !== false);
}
