// The three lists of containers and what each allows.
import type { Container, ContainerRestartRule, EphemeralContainer } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { isSidecar } from './pod-resources.ts';
import { type PodScope, validateContainer } from './validate-containers.ts';
import { validateLifecycle, validateProbes } from './validate-probes.ts';

const maxRestartRules = 20;
const maxExitCodes = 255;

function checkHostPorts(found: Findings, field: string, containers: readonly Container[]): void {
  const seen = new Set<string>();
  for (const [index, container] of containers.entries()) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(key)) found.duplicate(`${field}[${index}].ports[${i}].hostPort`, key);
      seen.add(key);
    }
  }
}

function validateRestartPolicy(
  found: Findings,
  field: string,
  policy: string | undefined,
  rules: readonly ContainerRestartRule[],
): void {
  const supported = ['Always', 'Never', 'OnFailure'];
  if (policy === undefined) {
    if (rules.length === 0) return;
    found.required(`${field}.restartPolicy`, 'must specify restartPolicy when restart rules are used');
  } else if (!supported.includes(policy)) found.unsupported(`${field}.restartPolicy`, policy, supported);
  if (rules.length > maxRestartRules) found.tooMany(`${field}.restartPolicyRules`, rules.length, maxRestartRules);
  for (const [index, rule] of rules.entries()) {
    const at = `${field}.restartPolicyRules[${index}]`;
    const actions = ['Restart', 'RestartAllContainers'];
    if (!actions.includes(rule.action)) found.unsupported(`${at}.action`, rule.action ?? '', actions);
    if (!rule.exitCodes) {
      found.required(`${at}.exitCodes`, 'must be specified');
      continue;
    }
    const { operator, values = [] } = rule.exitCodes;
    if (operator !== 'In' && operator !== 'NotIn')
      found.unsupported(`${at}.exitCodes.operator`, operator ?? '', ['In', 'NotIn']);
    if (values.length > maxExitCodes) found.tooMany(`${at}.exitCodes.values`, values.length, maxExitCodes);
  }
}

export function validateContainers(found: Findings, field: string, scope: PodScope): void {
  const { spec } = scope;
  const containers = spec.containers ?? [];
  if (containers.length === 0) {
    found.required(field);
    return;
  }
  const names = new Set<string>();
  const grace = spec.terminationGracePeriodSeconds;
  for (const [index, container] of containers.entries()) {
    const at = `${field}[${index}]`;
    validateContainer(found, at, container, scope);
    if (names.has(container.name)) found.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    validateLifecycle(found, `${at}.lifecycle`, container.lifecycle, grace);
    validateProbes(found, at, container, grace);
    validateRestartPolicy(found, at, container.restartPolicy, container.restartPolicyRules ?? []);
  }
  checkHostPorts(found, field, containers);
}

const whenRunning = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateInitContainers(found: Findings, field: string, scope: PodScope): void {
  const { spec } = scope;
  const names = new Set((spec.containers ?? []).map((container) => container.name));
  const grace = spec.terminationGracePeriodSeconds;
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const at = `${field}[${index}]`;
    validateContainer(found, at, container, scope);
    validateRestartPolicy(found, at, container.restartPolicy, container.restartPolicyRules ?? []);
    if (names.has(container.name)) found.duplicate(`${at}.name`, container.name);
    else if (container.name) names.add(container.name);
    checkHostPorts(found, field, [container]);
    if (isSidecar(container)) {
      validateLifecycle(found, `${at}.lifecycle`, container.lifecycle, grace);
      validateProbes(found, at, container, grace);
      continue;
    }
    for (const name of whenRunning) {
      if (container[name])
        found.forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always');
    }
    for (const [i, { restartPolicy }] of (container.resizePolicy ?? []).entries()) {
      if (restartPolicy !== 'RestartContainer') continue;
      const why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
      found.invalid(`${at}.resizePolicy[${i}].restartPolicy`, restartPolicy, why);
    }
  }
}

/** Fields that an ephemeral container may not have; they would change what the pod promises. */
const notEphemeral = [
  ...['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'],
  ...['resizePolicy', 'restartPolicy', 'restartPolicyRules'],
] as (keyof EphemeralContainer)[];

const isSet = (value: unknown): boolean =>
  value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);

export function validateEphemeralContainers(found: Findings, field: string, scope: PodScope): void {
  const { spec } = scope;
  const others = new Set(
    [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.name),
  );
  const names = new Set(others);
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const at = `${field}[${index}]`;
    validateContainer(found, at, container, scope);
    checkImageSpace(found, at, container);
    if (names.has(container.name)) found.duplicate(`${at}.name`, container.name);
    names.add(container.name);
    if (container.targetContainerName && !others.has(container.targetContainerName)) {
      found.notFound(`${at}.targetContainerName`, container.targetContainerName);
    }
    const refuse = (path: string): void => found.forbidden(`${at}.${path}`, 'cannot be set for an Ephemeral Container');
    for (const name of notEphemeral) if (isSet(container[name])) refuse(name);
    for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
      if (mount.subPath) refuse(`volumeMounts[${i}].subPath`);
      if (mount.subPathExpr) refuse(`volumeMounts[${i}].subPathExpr`);
    }
  }
}

/** For pods, not for templates. */
export function checkImageSpace(found: Findings, field: string, container: Container | EphemeralContainer): void {
  const image = container.image ?? '';
  if (image !== image.trim()) found.invalid(`${field}.image`, image, 'must not have leading or trailing whitespace');
}
