// Security contexts: https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
import { groupId, userId } from '../../names.ts';
import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext } from '../../types.gen.ts';
import { byteLength, type Findings } from '../findings.ts';
import { checkDescendingPath } from './paths.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const maxProfilePathBytes = 4095;

function validateSeccomp(found: Findings, field: string, profile: SeccompProfile | undefined): void {
  if (!profile) return;
  found.oneOf(`${field}.type`, profile.type, profileTypes, 'type is required when seccompProfile is set');
  const at = `${field}.localhostProfile`;
  if (profile.type === 'Localhost') {
    if (profile.localhostProfile === undefined) found.required(at, 'must be set when seccomp type is Localhost');
    else checkDescendingPath(found, at, profile.localhostProfile);
  } else if (profile.localhostProfile !== undefined) {
    const shown = { Type: profile.type, LocalhostProfile: profile.localhostProfile };
    found.invalid(at, shown, 'can only be set when seccomp type is Localhost');
  }
}

function validateAppArmor(found: Findings, field: string, profile: AppArmorProfile | undefined): void {
  if (!profile) return;
  const at = `${field}.localhostProfile`;
  const path = profile.localhostProfile;
  if (profile.type === 'Localhost') {
    if (path === undefined) {
      found.required(at, 'must be set when AppArmor type is Localhost');
      return;
    }
    if (path.trim() !== path) found.invalid(at, path, 'must not be padded with whitespace');
    else if (path === '') found.required(at, 'must be set when AppArmor type is Localhost');
    if (byteLength(path) > maxProfilePathBytes) found.tooLong(at, maxProfilePathBytes);
  } else if (!profile.type) found.required(`${field}.type`, 'type is required when appArmorProfile is set');
  else if (!profileTypes.includes(profile.type)) found.unsupported(`${field}.type`, profile.type, profileTypes);
  else if (path !== undefined) found.invalid(at, path, 'can only be set when AppArmor type is Localhost');
}

/** The context as it is shown when two of its settings contradict one another: all fields, by their names in Go. */
const shownContext = (context: SecurityContext) => ({
  Capabilities: context.capabilities
    ? { Add: context.capabilities.add ?? null, Drop: context.capabilities.drop ?? null }
    : null,
  Privileged: context.privileged ?? null,
  SELinuxOptions: context.seLinuxOptions ?? null,
  WindowsOptions: context.windowsOptions ?? null,
  RunAsUser: context.runAsUser ?? null,
  RunAsGroup: context.runAsGroup ?? null,
  RunAsNonRoot: context.runAsNonRoot ?? null,
  ReadOnlyRootFilesystem: context.readOnlyRootFilesystem ?? null,
  AllowPrivilegeEscalation: context.allowPrivilegeEscalation ?? null,
  ProcMount: context.procMount ?? null,
  SeccompProfile: context.seccompProfile ?? null,
  AppArmorProfile: context.appArmorProfile ?? null,
});

export function validateSecurityContext(
  found: Findings,
  field: string,
  context: SecurityContext | undefined,
  hostUsers: boolean,
): void {
  if (!context) return;
  if (context.runAsUser !== undefined)
    found.invalid(`${field}.runAsUser`, context.runAsUser, userId(context.runAsUser));
  if (context.runAsGroup !== undefined)
    found.invalid(`${field}.runAsGroup`, context.runAsGroup, groupId(context.runAsGroup));
  const { procMount } = context;
  if (procMount !== undefined) {
    if (procMount !== 'Default' && procMount !== 'Unmasked') {
      found.unsupported(`${field}.procMount`, procMount, ['Default', 'Unmasked']);
    }
    if (hostUsers && procMount === 'Unmasked') {
      found.invalid(`${field}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`');
    }
  }
  validateSeccomp(found, `${field}.seccompProfile`, context.seccompProfile);
  if (context.allowPrivilegeEscalation === false) {
    const cannot = 'cannot set `allowPrivilegeEscalation` to false and';
    if (context.privileged) found.invalid(field, shownContext(context), `${cannot} \`privileged\` to true`);
    for (const capability of context.capabilities?.add ?? []) {
      if (capability === 'CAP_SYS_ADMIN')
        found.invalid(field, shownContext(context), `${cannot} \`capabilities.Add\` CAP_SYS_ADMIN`);
    }
  }
  validateAppArmor(found, `${field}.appArmorProfile`, context.appArmorProfile);
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlPattern = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlRule = new RegExp(sysctlPattern);
const maxSysctlName = 253;

function validateSysctls(found: Findings, field: string, context: PodSecurityContext, spec: PodSpec): void {
  const seen = new Set<string>();
  for (const [index, { name }] of (context.sysctls ?? []).entries()) {
    const at = `${field}[${index}].name`;
    const dotted = name.replaceAll('/', '.');
    if (!name) found.required(at);
    else if (name.length > maxSysctlName || !sysctlRule.test(name)) {
      found.invalid(at, name, `must have at most ${maxSysctlName} characters and match regex ${sysctlPattern}`);
    } else if (seen.has(name)) found.duplicate(at, name);
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      found.invalid(at, name, "may not be specified when 'hostNetwork' is true");
    } else if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) {
      found.invalid(at, name, "may not be specified when 'hostIPC' is true");
    }
    seen.add(name);
  }
}

export function validatePodSecurityContext(found: Findings, field: string, spec: PodSpec): void {
  const context = spec.securityContext;
  const at = `${field}.securityContext`;
  if (context) {
    if (context.fsGroup !== undefined) found.invalid(`${at}.fsGroup`, context.fsGroup, groupId(context.fsGroup));
    if (context.runAsUser !== undefined) found.invalid(`${at}.runAsUser`, context.runAsUser, userId(context.runAsUser));
    if (context.runAsGroup !== undefined)
      found.invalid(`${at}.runAsGroup`, context.runAsGroup, groupId(context.runAsGroup));
    for (const [i, group] of (context.supplementalGroups ?? []).entries()) {
      found.invalid(`${at}.supplementalGroups[${i}]`, group, groupId(group));
    }
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    found.invalid(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  if (!context) return;
  validateSysctls(found, `${at}.sysctls`, context, spec);
  const choice = (
    name: 'fsGroupChangePolicy' | 'supplementalGroupsPolicy' | 'seLinuxChangePolicy',
    values: string[],
  ): void => {
    const value = context[name];
    if (value !== undefined && !values.includes(value)) found.unsupported(`${at}.${name}`, value, values);
  };
  choice('fsGroupChangePolicy', ['Always', 'OnRootMismatch']);
  validateSeccomp(found, `${at}.seccompProfile`, context.seccompProfile);
  validateAppArmor(found, `${at}.appArmorProfile`, context.appArmorProfile);
  choice('supplementalGroupsPolicy', ['Merge', 'Strict']);
  choice('seLinuxChangePolicy', ['MountOption', 'Recursive']);
}

const notForWindows = 'cannot be set for a windows pod';
const podFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
].concat([
  ...['runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'],
]) as (keyof PodSecurityContext)[];
const containerFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
].concat([
  ...['privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'],
]) as (keyof SecurityContext)[];

/** Settings of one operating system are refused for a pod that says it is for the other. */
export function validateOsFields(found: Findings, field: string, spec: PodSpec): void {
  const linux = spec.os?.name === 'linux';
  const refuse = (at: string): void =>
    found.forbidden(at, linux ? 'windows options cannot be set for a linux pod' : notForWindows);
  const podContext = spec.securityContext ?? {};
  const ofPod = linux ? (['windowsOptions'] as const) : podFields;
  for (const name of ofPod) if (podContext[name] !== undefined) refuse(`${field}.securityContext.${name}`);
  if (!linux) {
    for (const name of ['hostUsers', 'shareProcessNamespace'] as const)
      if (spec[name] !== undefined) refuse(`${field}.${name}`);
    for (const name of ['hostPID', 'hostIPC'] as const) if (spec[name]) refuse(`${field}.${name}`);
  }
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [index, { securityContext = {} }] of (spec[list] ?? []).entries()) {
      const ofContainer = linux ? (['windowsOptions'] as const) : containerFields;
      for (const name of ofContainer) {
        if (securityContext[name] !== undefined) refuse(`${field}.${list}[${index}].securityContext.${name}`);
      }
    }
  }
}
