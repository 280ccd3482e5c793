// A pod's specification as a whole, for pods and for templates.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodSpec
import { dns1123Label, dns1123Subdomain, dns1123SubdomainWithUnderscore, inRange, qualifiedName } from '../../names.ts';
import type { ObjectMeta, PodDNSConfig, PodResourceClaim, PodSpec, PodTemplateSpec } from '../../types.gen.ts';
import { byteLength, type Findings } from '../findings.ts';
import { checkIp } from '../ip.ts';
import { validateAnnotations, validateLabels } from '../object-meta.ts';
import { validatePodAnnotations } from './validate-annotations.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './validate-container-lists.ts';
import type { PodScope } from './validate-containers.ts';
import { validatePodLevelResources, validateResources } from './validate-resources.ts';
import { validateAffinity, validateSpread, validateTolerations } from './validate-scheduling.ts';
import { validateOsFields, validatePodSecurityContext } from './validate-security.ts';
import { validateVolumes } from './validate-volumes.ts';

const maxInt32 = 2147483647;
const maxNameservers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
const maxHostname = 64;
const dnsPolicies = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

function validateClaims(found: Findings, field: string, claims: readonly PodResourceClaim[]): void {
  const seen = new Set<string>();
  for (const [index, claim] of claims.entries()) {
    const at = `${field}[${index}]`;
    if (!claim.name) found.required(`${at}.name`);
    else if (seen.has(claim.name)) found.duplicate(`${at}.name`, claim.name);
    else found.invalid(`${at}.name`, claim.name, dns1123Label(claim.name));
    seen.add(claim.name);
    const { resourceClaimName: direct, resourceClaimTemplateName: template } = claim;
    const shown = { Name: claim.name, ResourceClaimName: direct ?? null, ResourceClaimTemplateName: template ?? null };
    if (direct !== undefined && template !== undefined) {
      found.invalid(at, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    }
    if (direct === undefined && template === undefined) {
      found.invalid(at, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    }
    if (direct !== undefined) found.invalid(`${at}.resourceClaimName`, direct, dns1123Subdomain(direct));
    if (template !== undefined) found.invalid(`${at}.resourceClaimTemplateName`, template, dns1123Subdomain(template));
  }
}

function validateDns(
  found: Findings,
  field: string,
  config: PodDNSConfig | undefined,
  policy: string | undefined,
): void {
  const nameservers = config?.nameservers ?? [];
  if (policy === 'None') {
    if (!config) {
      found.required(field, 'must provide `dnsConfig` when `dnsPolicy` is None');
      return;
    }
    if (nameservers.length === 0) {
      found.required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None');
      return;
    }
  }
  const searches = config?.searches ?? [];
  if (nameservers.length > maxNameservers) {
    found.invalid(`${field}.nameservers`, nameservers, `must not have more than ${maxNameservers} nameservers`);
  }
  for (const [i, address] of nameservers.entries()) checkIp(found, `${field}.nameservers[${i}]`, address);
  if (searches.length > maxSearches) {
    found.invalid(`${field}.searches`, searches, `must not have more than ${maxSearches} search paths`);
  }
  if (byteLength(searches.join(' ')) > maxSearchCharacters) {
    const why = `must not have more than ${maxSearchCharacters} characters (including spaces) in the search list`;
    found.invalid(`${field}.searches`, searches, why);
  }
  for (const [i, search] of searches.entries()) {
    const name = search.replace(/\.$/, '');
    if (search !== '.') found.invalid(`${field}.searches[${i}]`, name, dns1123SubdomainWithUnderscore(name));
  }
  for (const [i, option] of (config?.options ?? []).entries()) {
    if (!option.name) found.required(`${field}.options[${i}]`, 'must not be empty');
  }
}

function validateHostUsers(found: Findings, field: string, spec: PodSpec): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) found.forbidden(`${field}.hostNetwork`, why);
  if (spec.hostPID) found.forbidden(`${field}.HostPID`, why);
  if (spec.hostIPC) found.forbidden(`${field}.HostIPC`, why);
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      if ((container.volumeDevices ?? []).length > 0) found.forbidden(`${field}.${list}[${i}].volumeDevices`, why);
    }
  }
}

function validateHostNetwork(found: Findings, field: string, spec: PodSpec, isPod: boolean): void {
  if (!spec.hostNetwork) return;
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [j, { hostPort = 0, containerPort = 0 }] of (container.ports ?? []).entries()) {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) continue;
      const why = 'must match `containerPort` when `hostNetwork` is true';
      found.invalid(`${field}.containers[${i}].ports[${j}].hostPort`, hostPort, why);
    }
  }
}

function validateHostnames(found: Findings, field: string, spec: PodSpec): void {
  const override = spec.hostnameOverride;
  if (override === undefined) return;
  const at = `${field}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) found.forbidden(at, 'may not be specified when setHostnameAsFQDN is true');
  if (spec.hostNetwork) found.forbidden(at, 'may not be specified when hostNetwork is true');
  if (byteLength(override) > maxHostname) found.tooLong(at, maxHostname);
  found.invalid(at, override, dns1123Subdomain(override));
}

function validateGates(found: Findings, field: string, spec: PodSpec): void {
  for (const [i, gate] of (spec.readinessGates ?? []).entries()) {
    found.invalid(`${field}.readinessGates[${i}].conditionType`, gate.conditionType, qualifiedName(gate.conditionType));
  }
  const seen = new Set<string>();
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries()) {
    const at = `${field}.schedulingGates[${i}]`;
    found.invalid(at, name, qualifiedName(name));
    if (seen.has(name)) found.duplicate(at, name);
    seen.add(name);
  }
}

function validateNames(found: Findings, field: string, spec: PodSpec): void {
  const subdomain = (name: 'serviceAccountName' | 'nodeName' | 'priorityClassName'): void => {
    const value = spec[name];
    if (value) found.invalid(`${field}.${name}`, value, dns1123Subdomain(value));
  };
  subdomain('serviceAccountName');
  subdomain('nodeName');
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined) found.invalid(`${field}.activeDeadlineSeconds`, deadline, inRange(deadline, 1, maxInt32));
  if (spec.hostname) found.invalid(`${field}.hostname`, spec.hostname, dns1123Label(spec.hostname));
  if (spec.subdomain) found.invalid(`${field}.subdomain`, spec.subdomain, dns1123Label(spec.subdomain));
  validateTolerations(found, `${field}.tolerations`, spec.tolerations ?? []);
  for (const [i, alias] of (spec.hostAliases ?? []).entries()) {
    checkIp(found, `${field}.hostAliases[${i}].ip`, alias.ip ?? '');
    for (const [j, hostname] of (alias.hostnames ?? []).entries()) {
      found.invalid(`${field}.hostAliases[${i}].hostnames[${j}]`, hostname, dns1123Subdomain(hostname));
    }
  }
  subdomain('priorityClassName');
  const runtime = spec.runtimeClassName;
  if (runtime !== undefined) found.invalid(`${field}.runtimeClassName`, runtime, dns1123Subdomain(runtime));
}

/** Variables read from files need an emptyDir that holds them. */
function validateFileRefs(found: Findings, field: string, spec: PodSpec): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      for (const [j, { valueFrom }] of (container.env ?? []).entries()) {
        const name = valueFrom?.fileKeyRef?.volumeName;
        if (name === undefined) continue;
        const at = `${field}.${list}[${i}].env[${j}].valueFrom.fileKeyRef.volumeName`;
        const volume = spec.volumes?.find((v) => v.name === name);
        if (!volume) found.notFound(at, name);
        else if (!volume.emptyDir) found.invalid(at, name, 'referenced volume must be of type emptyDir');
      }
    }
  }
}

/** `meta` is the pod's own; undefined when the specification is a template's. */
export function validatePodSpec(found: Findings, field: string, spec: PodSpec, meta: ObjectMeta | undefined): void {
  const volumes = validateVolumes(found, `${field}.volumes`, spec.volumes ?? [], meta);
  const claims = new Set((spec.resourceClaims ?? []).map((claim) => claim.name).filter(Boolean));
  const scope: PodScope = { spec, volumes, claims };
  validateClaims(found, `${field}.resourceClaims`, spec.resourceClaims ?? []);
  validateContainers(found, `${field}.containers`, scope);
  validateInitContainers(found, `${field}.initContainers`, scope);
  validateEphemeralContainers(found, `${field}.ephemeralContainers`, scope);
  validatePodLevelResources(found, field, spec, claims);
  validateHostNetwork(found, field, spec, meta !== undefined);
  found.oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  found.oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, dnsPolicies);
  validateLabels(found, `${field}.nodeSelector`, spec.nodeSelector);
  validatePodSecurityContext(found, field, spec);
  validateAffinity(found, `${field}.affinity`, spec.affinity);
  validateDns(found, `${field}.dnsConfig`, spec.dnsConfig, spec.dnsPolicy);
  validateGates(found, field, spec);
  validateSpread(found, `${field}.topologySpreadConstraints`, spec.topologySpreadConstraints ?? []);
  validateHostUsers(found, field, spec);
  validateHostnames(found, field, spec);
  validateNames(found, field, spec);
  if (spec.preemptionPolicy !== undefined) {
    found.oneOf(`${field}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  }
  if (spec.overhead) validateResources(found, `${field}.overhead`, { limits: spec.overhead }, claims);
  if (spec.os) {
    if (!spec.os.name) found.required(`${field}.os.name`);
    else if (!['linux', 'windows'].includes(spec.os.name))
      found.unsupported(`${field}.os`, spec.os.name, ['linux', 'windows']);
    else validateOsFields(found, field, spec);
  }
  validateFileRefs(found, field, spec);
}

export function validateTemplate(found: Findings, field: string, template: PodTemplateSpec): void {
  const spec = template.spec ?? { containers: [] };
  validateLabels(found, `${field}.labels`, template.metadata?.labels);
  validateAnnotations(found, `${field}.annotations`, template.metadata?.annotations);
  validatePodAnnotations(found, `${field}.annotations`, template.metadata?.annotations ?? {}, spec);
  validatePodSpec(found, `${field}.spec`, spec, undefined);
  if ((spec.ephemeralContainers ?? []).length > 0) {
    found.forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template');
  }
}
