// What may change in a pod after it was made: https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement
import type { FieldError } from '../../errors.ts';
import { goQuote } from '../../field-errors.ts';
import { copyJson } from '../../json-value.ts';
import { dns1123Subdomain, qualifiedName } from '../../names.ts';
import type { Container, ContainerStatus, NodeAffinity, Pod, PodSpec, Toleration } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { checkIp, isIpv6, parseAddress } from '../ip.ts';
import { unifiedDiff } from '../spec-diff.ts';
import { validatePodAnnotations, validatePodAnnotationUpdate } from './validate-annotations.ts';
import { validatePodAndSpec } from './validate-pod.ts';

const maxInt32 = 2147483647;
const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** False: nothing else can be compared. */
function checkContainers(
  found: Findings,
  field: string,
  containers: readonly Container[],
  old: readonly Container[],
): boolean {
  if (containers.length !== old.length) {
    found.forbidden(field, 'pod updates may not add or remove containers');
    return false;
  }
  for (const [i, { image = '' }] of containers.entries()) {
    if (!image) found.required(`${field}[${i}].image`);
    if (image.trim() !== image)
      found.invalid(`${field}[${i}].image`, image, 'must not have leading or trailing whitespace');
  }
  return true;
}

/** False: nothing else is looked at. */
function checkDeadline(found: Findings, deadline: number | undefined, old: number | undefined): boolean {
  const field = 'spec.activeDeadlineSeconds';
  if (deadline === undefined) {
    if (old !== undefined) found.invalid(field, null, 'must not update from a positive integer to nil value');
    return true;
  }
  if (deadline < 0 || deadline > maxInt32) {
    found.invalid(field, deadline, `must be between 0 and ${maxInt32}, inclusive`);
    return false;
  }
  if (old === undefined || old >= deadline) return true;
  found.invalid(field, deadline, 'must be less than or equal to previous value');
  return false;
}

function checkTolerations(found: Findings, tolerations: readonly Toleration[], old: readonly Toleration[]): void {
  const plain = ({ key, operator, value, effect }: Toleration) => JSON.stringify([key, operator, value, effect]);
  const present = new Set(tolerations.map(plain));
  const kept = old.every((toleration) => present.has(plain(toleration)));
  if (!kept)
    found.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds');
}

/** While a pod is gated, what selects its node may become narrower. */
function narrowPlacement(found: Findings, next: PodSpec, old: PodSpec): void {
  if (!sameValue(next.nodeSelector, old.nodeSelector)) {
    const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => next.nodeSelector?.[key] === value);
    if (!kept) {
      const why = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
      found.invalid('spec.nodeSelector', next.nodeSelector ?? null, why);
    }
    next.nodeSelector = old.nodeSelector;
  }
  const affinity = next.affinity?.nodeAffinity;
  const oldAffinity = old.affinity?.nodeAffinity;
  if (sameValue(affinity, oldAffinity)) return;
  narrowAffinity(found, affinity, oldAffinity);
  const { nodeAffinity: _, ...others } = next.affinity ?? {};
  const merged = { ...others, ...(oldAffinity ? { nodeAffinity: oldAffinity } : {}) };
  if (Object.keys(merged).length > 0 || old.affinity) next.affinity = merged;
  else delete next.affinity;
}

function narrowAffinity(found: Findings, affinity: NodeAffinity | undefined, old: NodeAffinity | undefined): void {
  const name = 'requiredDuringSchedulingIgnoredDuringExecution';
  const field = `spec.affinity.nodeAffinity.${name}.nodeSelectorTerms`;
  if (!old?.[name]) return;
  const oldTerms = old[name].nodeSelectorTerms;
  const terms = affinity?.[name]?.nodeSelectorTerms ?? [];
  if (oldTerms.length > 0 && oldTerms.length !== terms.length) {
    found.invalid(field, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
    return;
  }
  for (const [i, oldTerm] of oldTerms.entries()) {
    const term = terms[i]!;
    const parts = ['matchExpressions', 'matchFields'] as const;
    const wasEmpty = parts.every((part) => (oldTerm[part] ?? []).length === 0);
    const onlyAdded = parts.every((part) => {
      const before = oldTerm[part] ?? [];
      return sameValue((term[part] ?? []).slice(0, before.length), before);
    });
    const isEmpty = parts.every((part) => (term[part] ?? []).length === 0);
    if (!onlyAdded || (wasEmpty && !isEmpty)) {
      found.invalid(`${field}[${i}]`, term, 'only additions are allowed (no mutations or deletions)');
    }
  }
}

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const found = new Findings();
  const spec = pod.spec!;
  const before = old.spec!;
  validatePodAndSpec(found, pod);
  const annotations = pod.metadata?.annotations ?? {};
  validatePodAnnotationUpdate(found, 'metadata.annotations', annotations, old.metadata?.annotations ?? {});
  for (const list of ['containers', 'initContainers'] as const) {
    if (!checkContainers(found, `spec.${list}`, spec[list] ?? [], before[list] ?? [])) return found.errors;
  }
  if (!checkDeadline(found, spec.activeDeadlineSeconds, before.activeDeadlineSeconds)) return found.errors;
  checkTolerations(found, spec.tolerations ?? [], before.tolerations ?? []);
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries()) {
    if (before.schedulingGates?.some((gate) => gate.name === name)) continue;
    found.forbidden(
      `spec.schedulingGates[${i}].name`,
      `only deletion is allowed, but found new scheduling gate '${name}'`,
    );
  }
  if (sameValue(spec, before)) return found.errors;
  const next = copyJson(spec);
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (next[list] ?? []).entries()) container.image = before[list]![i]!.image;
  }
  next.activeDeadlineSeconds = before.activeDeadlineSeconds;
  next.schedulingGates = before.schedulingGates;
  next.tolerations = before.tolerations;
  const grace = before.terminationGracePeriodSeconds;
  if (grace !== undefined && grace < 0 && next.terminationGracePeriodSeconds === 1)
    next.terminationGracePeriodSeconds = grace;
  if ((before.schedulingGates ?? []).length > 0) narrowPlacement(found, next, before);
  if (!sameValue(next, before)) {
    found.forbidden('spec', `pod updates may not change fields other than ${updatable}\n${unifiedDiff(before, next)}`);
  }
  return found.errors;
}

export function validateEphemeralUpdate(pod: Pod, old: Pod): FieldError[] {
  const found = new Findings();
  validatePodAndSpec(found, pod);
  const next = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const container of old.spec?.ephemeralContainers ?? []) {
    const now = next.get(container.name);
    const which = `existing ephemeral containers ${goQuote(container.name)}`;
    if (!now) found.forbidden('spec.ephemeralContainers', `${which} may not be removed\n`);
    else if (!sameValue(now, container)) {
      found.forbidden('spec.ephemeralContainers', `${which} may not be changed\n${unifiedDiff(container, now)}`);
    }
  }
  return found.errors;
}

type StatusList = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses';

function mayRestart(spec: PodSpec, list: StatusList, status: ContainerStatus): boolean {
  if (list === 'ephemeralContainerStatuses') return false;
  const containers = list === 'containerStatuses' ? spec.containers : (spec.initContainers ?? []);
  const container = containers.find((c) => c.name === status.name);
  if (!container) return false;
  const exitCode = status.state!.terminated!.exitCode;
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    const listed = exitCodes?.values?.includes(exitCode) ?? false;
    if (exitCodes && listed === (exitCodes.operator === 'In'))
      return action === 'Restart' || action === 'RestartAllContainers';
  }
  const policy = container.restartPolicy ?? spec.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function checkTransitions(found: Findings, list: StatusList, pod: Pod, old: Pod): void {
  const all = [...(old.spec?.containers ?? []), ...(old.spec?.initContainers ?? [])];
  if (all.some((c) => c.restartPolicyRules?.some((rule) => rule.action === 'RestartAllContainers'))) return;
  for (const [i, before] of (old.status?.[list] ?? []).entries()) {
    if (!before.state?.terminated) continue;
    const now = pod.status?.[list]?.find((status) => status.name === before.name);
    if (!now || now.state?.terminated || mayRestart(old.spec!, list, before)) continue;
    found.forbidden(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state');
  }
}

function checkAddresses(found: Findings, field: string, addresses: readonly string[]): void {
  for (const [i, address] of addresses.entries()) checkIp(found, `${field}[${i}]`, address);
  if (addresses.length < 2) return;
  const bad = addresses.findIndex((address) => !parseAddress(address));
  if (bad >= 0) {
    const detail = `failed to check for dual stack with error:invalid IP[${bad}]: ${addresses[bad]}`;
    found.add([{ reason: 'InternalError', field, message: `Internal error: ${detail}` }]);
  }
  const families = new Set(addresses.map(isIpv6));
  if (families.size < 2 || addresses.length > 2) {
    const shown = addresses.map((IP) => ({ IP }));
    found.invalid(field, shown, 'may specify no more than one IP for each IP family');
  }
}

const systemConditions = ['PodScheduled', 'Ready', 'Initialized'];

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const found = new Findings();
  const status = pod.status ?? {};
  const annotations = pod.metadata?.annotations ?? {};
  validatePodAnnotationUpdate(found, 'metadata.annotations', annotations, old.metadata?.annotations ?? {});
  validatePodAnnotations(found, 'metadata.annotations', annotations, pod.spec!);
  for (const [i, { type }] of (status.conditions ?? []).entries()) {
    if (!systemConditions.includes(type)) found.invalid(`status.conditions[${i}].Type`, type, qualifiedName(type));
  }
  if (status.nominatedNodeName && status.nominatedNodeName !== old.status?.nominatedNodeName) {
    found.invalid('status.nominatedNodeName', status.nominatedNodeName, dns1123Subdomain(status.nominatedNodeName));
  }
  found.unchanged('status.qosClass', status.qosClass, old.status?.qosClass);
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) {
    checkTransitions(found, list, pod, old);
  }
  checkAddresses(
    found,
    'status.podIPs',
    (status.podIPs ?? []).map((entry) => entry.ip),
  );
  const hosts = (status.hostIPs ?? []).map((entry) => entry.ip);
  if (hosts.length > 0 && hosts[0] !== status.hostIP)
    found.invalid('status.hostIPs[0].ip', hosts[0], 'must be equal to `hostIP`');
  checkAddresses(found, 'status.hostIPs', hosts);
  return found.errors;
}
