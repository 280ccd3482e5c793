// What is allowed in pods and templates but hardly meant: shown to users as warnings.

import { dns1123Label } from '../../names.ts';
import type { KubeObject } from '../../objects.ts';
import { canonicalQuantity, scaledValue } from '../../quantity.ts';
import type {
  Container,
  ContainerPort,
  EnvVar,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../../types.gen.ts';

const deprecatedLabels = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

const deprecatedVolumes: [keyof Volume, string][] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

const byteResources = ['memory', 'ephemeral-storage'];

type At = [field: string, container: Container];

export function selectorTermWarnings(field: string, term: NodeSelectorTerm | undefined): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const message = deprecatedLabels.get(key);
    return message ? [`${field}.matchExpressions[${i}].key: ${key} is ${message}`] : [];
  });
}

export function fractionWarning(field: string, name: string, value: string | number | undefined): string[] {
  if (value === undefined || scaledValue(String(value), -3) % 1000n === 0n) return [];
  const shown = canonicalQuantity(String(value));
  return [`${field}[${name}]: fractional byte value "${shown}" is invalid, must be an integer`];
}

function* nodeWarnings(at: string, spec: PodSpec): Generator<string> {
  for (const key of Object.keys(spec.nodeSelector ?? {}).sort()) {
    const message = deprecatedLabels.get(key);
    if (message) yield `${at}.nodeSelector[${key}]: ${message}`;
  }
  const affinity = spec.affinity?.nodeAffinity ?? {};
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const field = `${at}.affinity.nodeAffinity`;
  for (const [i, term] of required.entries()) {
    const where = `${field}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`;
    yield* selectorTermWarnings(where, term);
  }
  for (const [i, { preference }] of preferred.entries()) {
    yield* selectorTermWarnings(
      `${field}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`,
      preference,
    );
  }
}

function* spreadWarnings(at: string, spec: PodSpec): Generator<string> {
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const field = `${at}.topologySpreadConstraints[${i}]`;
    const message = deprecatedLabels.get(topologyKey);
    if (message) yield `${field}.topologyKey: ${topologyKey} is ${message}`;
    if (!labelSelector) yield `${field}.labelSelector: a null labelSelector results in matching no pod`;
  }
}

function* affinityWarnings(at: string, spec: PodSpec): Generator<string> {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const affinity = spec.affinity?.[kind] ?? {};
    const required = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const matchesNothing = 'labelSelector: a null labelSelector results in matching no pod';
    for (const [i, term] of required.entries()) {
      const field = `${at}.affinity.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`;
      if (!term.labelSelector) yield `${field}.${matchesNothing}`;
    }
    for (const [i, { podAffinityTerm }] of preferred.entries()) {
      const field = `${at}.affinity.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm`;
      if (!podAffinityTerm?.labelSelector) yield `${field}.${matchesNothing}`;
    }
  }
}

function* duplicateWarnings(at: string, spec: PodSpec): Generator<string> {
  const ips = (spec.hostAliases ?? []).map(({ ip }) => ip);
  for (const [i, ip] of ips.entries()) {
    if (ips.indexOf(ip) < i) yield `${at}.hostAliases[${i}].ip: duplicate ip "${ip}"`;
  }
  const names = (spec.imagePullSecrets ?? []).map(({ name }) => name ?? '');
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) < i) yield `${at}.imagePullSecrets[${i}].name: duplicate name "${name}"`;
  }
  for (const [i, name] of names.entries()) {
    if (!name) yield `${at}.imagePullSecrets[${i}].name: invalid empty name ""`;
  }
}

/** A later variable of a name is fine when it builds on the earlier one. */
const hidesEarlier = ({ name, value = '', valueFrom }: EnvVar): boolean =>
  valueFrom !== undefined || value === `$(${name})` || !value.includes(`$(${name})`);

function* containerWarnings([field, { resources, env = [] }]: At): Generator<string> {
  for (const name of byteResources) {
    for (const list of ['limits', 'requests'] as const) {
      yield* fractionWarning(`${field}.resources.${list}`, name, resources?.[list]?.[name]);
    }
  }
  const seen = new Set<string>();
  for (const [i, variable] of env.entries()) {
    const first = !seen.has(variable.name);
    seen.add(variable.name);
    if (first || !hidesEarlier(variable)) continue;
    yield `${field}.env[${i}]: hides previous definition of "${variable.name}", which may be dropped when using apply`;
  }
}

function overlap(port: ContainerPort, other: ContainerPort): string | undefined {
  const sameHostPort = (port.hostPort ?? 0) === (other.hostPort ?? 0);
  if ((port.hostIP ?? '') === (other.hostIP ?? '') && sameHostPort) return 'duplicate';
  if (!port.hostPort || !other.hostPort) return 'overlapping';
  return sameHostPort && !port.hostIP !== !other.hostIP ? 'dangerously ambiguous' : undefined;
}

function* portWarnings(containers: readonly At[]): Generator<string> {
  const ports = containers.flatMap(([field, { ports: list }]) =>
    (list ?? []).map((port, i) => ({ port, field: `${field}.ports[${i}]` })),
  );
  const alike = new Map<string, { port: ContainerPort; field: string }[]>();
  for (const { port, field } of ports) {
    if (port.hostIP && !port.hostPort) {
      const shown = `{Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol} HostIP:${port.hostIP}}`;
      yield `${field}: hostIP set without hostPort: ${shown}`;
    }
    const key = `${port.containerPort}/${port.protocol}`;
    const earlier = alike.get(key) ?? [];
    alike.set(key, earlier);
    for (const other of earlier) {
      const how = overlap(port, other.port);
      if (how) yield `${field}: ${how} port definition with ${other.field}`;
    }
    earlier.push({ port, field });
  }
  const named = new Map<string, string>();
  for (const { port, field } of ports) {
    const first = port.name ? named.get(port.name) : undefined;
    if (port.name && !first) named.set(port.name, field);
    const effect = `services and probes that select ports by name will use ${first}`;
    if (first) yield `${field}: duplicate port name "${port.name}" with ${first}, ${effect}`;
  }
}

function* specWarnings(at: string, spec: PodSpec): Generator<string> {
  yield* nodeWarnings(at, spec);
  yield* spreadWarnings(at, spec);
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    for (const [type, message] of deprecatedVolumes) {
      if (volume[type]) yield `${at}.volumes[${i}].${type === 'storageos' ? 'storageOS' : type}: ${message}`;
    }
  }
  yield* duplicateWarnings(at, spec);
  for (const name of byteResources) yield* fractionWarning(`${at}.overhead`, name, spec.overhead?.[name]);
  const containers = (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, i): At => [`${at}.${list}[${i}]`, container as Container]),
  );
  for (const container of containers) yield* containerWarnings(container);
  yield* portWarnings(containers);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    yield `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`;
  }
  yield* affinityWarnings(at, spec);
}

/** Nobody reads more, and each of many ports may clash with each other one. */
const maxWarnings = 100;

function nameWarnings(name: string, use: string): string[] {
  const errors = dns1123Label(name);
  if (errors.length === 0) return [];
  const advice = `a DNS label is recommended: [${errors.join(' ')}]`;
  return [`metadata.name: this is used in ${use}, which can result in surprising behavior; ${advice}`];
}

/** Only of new pods: hardly anybody changes pods by hand. */
export const podWarnings = (pod: Pod, old: Pod | undefined): string[] =>
  old
    ? []
    : [
        ...nameWarnings(pod.metadata?.name ?? '', "the Pod's hostname"),
        ...(pod.spec ? specWarnings('spec', pod.spec).take(maxWarnings) : []),
      ];

/** Of a kind that makes pods of a template: when it is new, and when its specification changes. */
export const templateWarnings =
  <T>(field: string, templateOf: (object: T) => PodTemplateSpec | undefined, namesPods = true) =>
  (object: T, old: T | undefined): string[] => {
    const { metadata } = object as unknown as KubeObject;
    if (old && (old as unknown as KubeObject).metadata.generation === metadata.generation) return [];
    const spec = templateOf(object)?.spec;
    return [
      ...(namesPods && !old ? nameWarnings(metadata.name ?? '', 'Pod names and hostnames') : []),
      ...(spec ? specWarnings(`${field}.spec`, spec).take(maxWarnings) : []),
    ];
  };
