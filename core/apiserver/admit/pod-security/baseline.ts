// The baseline level: nothing that is known to escalate privileges.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import type { LifecycleHandler, SELinuxOptions } from '../../../api/types.gen.ts';
import {
  type Check,
  containersOf,
  containersText,
  hasOwnUsers,
  namesWhere,
  type PodLike,
  plural,
  quotedNames,
  settersText,
  sortedSet,
  type Violation,
} from './check.ts';

const level = 'baseline';

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';

const appArmor: Check = {
  id: 'appArmorProfile',
  level,
  run(pod) {
    const bad = (type: string | undefined): boolean =>
      type !== undefined && !['RuntimeDefault', 'Localhost'].includes(type);
    const own = pod.spec.securityContext?.appArmorProfile?.type;
    const typeOf = (c: { securityContext?: { appArmorProfile?: { type?: string } } }) =>
      c.securityContext?.appArmorProfile?.type;
    const names = namesWhere(pod, (container) => bad(typeOf(container)));
    const annotations = Object.entries(pod.annotations)
      .filter(
        ([key, value]) =>
          key.startsWith(appArmorPrefix) && value && value !== 'runtime/default' && !value.startsWith('localhost/'),
      )
      .map(([key, value]) => `${key}="${value}"`)
      .sort();
    const setters = settersText(bad(own), names);
    const all = [setters, annotations.length > 0 ? plural(annotations.length, 'annotation', 'annotations') : ''].filter(
      Boolean,
    );
    if (all.length === 0) return undefined;
    const types = [own, ...containersOf(pod).map(typeOf)].filter((type): type is string => bad(type));
    const values = [...sortedSet(types), ...annotations];
    return {
      reason: plural(values.length, 'forbidden AppArmor profile', 'forbidden AppArmor profiles'),
      detail: `${all.join(' and ')} must not set AppArmor profile type to ${quotedNames(values)}`,
    };
  },
};

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const capabilities: Check = {
  id: 'capabilities_baseline',
  level,
  run(pod) {
    const others = (container: Parameters<Parameters<typeof namesWhere>[1]>[0]): string[] =>
      (container.securityContext?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
    const names = namesWhere(pod, (container) => others(container).length > 0);
    if (names.length === 0) return undefined;
    const added = sortedSet(containersOf(pod).flatMap(others));
    return {
      reason: 'non-default capabilities',
      detail: `${containersText(names)} must not include ${quotedNames(added)} in securityContext.capabilities.add`,
    };
  },
};

const hostNamespaces: Check = {
  id: 'hostNamespaces',
  level,
  run({ spec }) {
    const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
    return used.length === 0
      ? undefined
      : { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
  },
};

const hostPathVolumes: Check = {
  id: 'hostPathVolumes',
  level,
  run({ spec }) {
    const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
    if (names.length === 0) return undefined;
    return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume', 'volumes')} ${quotedNames(names)}` };
  },
};

const hostPorts: Check = {
  id: 'hostPorts',
  level,
  run(pod) {
    const names = namesWhere(pod, ({ ports }) => (ports ?? []).some(({ hostPort }) => hostPort));
    if (names.length === 0) return undefined;
    const used = containersOf(pod).flatMap(({ ports }) => (ports ?? []).flatMap(({ hostPort }) => hostPort || []));
    const ports = sortedSet(used.map(String));
    const uses = plural(names.length, 'uses', 'use');
    return {
      reason: 'hostPort',
      detail: `${containersText(names)} ${uses} ${plural(ports.length, 'hostPort', 'hostPorts')} ${ports.join(', ')}`,
    };
  },
};

type Handler = Pick<LifecycleHandler, 'httpGet' | 'tcpSocket'> | undefined;
const hostsOf = (handler: Handler): string[] =>
  [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => Boolean(host));

const hostProbes: Check = {
  id: 'hostProbesAndHostLifecycle',
  level,
  since: 34,
  run(pod) {
    const hosts = (container: ReturnType<typeof containersOf>[number]): string[] =>
      [
        container.livenessProbe,
        container.readinessProbe,
        container.startupProbe,
        container.lifecycle?.postStart,
        container.lifecycle?.preStop,
      ].flatMap(hostsOf);
    const names = sortedSet(namesWhere(pod, (container) => hosts(container).length > 0));
    if (names.length === 0) return undefined;
    const found = sortedSet(containersOf(pod).flatMap(hosts));
    const what = plural(found.length, 'probe or lifecycle host', 'probe or lifecycle hosts');
    return {
      reason: 'probe or lifecycle host',
      detail: `${containersText(names)} ${plural(names.length, 'uses', 'use')} ${what} ${quotedNames(found)}`,
    };
  },
};

const privileged: Check = {
  id: 'privileged',
  level,
  run(pod) {
    const names = namesWhere(pod, ({ securityContext }) => securityContext?.privileged === true);
    if (names.length === 0) return undefined;
    return { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` };
  },
};

export function procMountViolation(pod: PodLike): Violation | undefined {
  const unmasked = (value: string | undefined): boolean => value !== undefined && value !== 'Default';
  const names = namesWhere(pod, ({ securityContext }) => unmasked(securityContext?.procMount));
  if (names.length === 0) return undefined;
  const types = sortedSet(
    containersOf(pod)
      .map(({ securityContext }) => securityContext?.procMount)
      .filter((type): type is string => unmasked(type)),
  );
  return {
    reason: 'procMount',
    detail: `${containersText(names)} must not set securityContext.procMount to ${quotedNames(types)}`,
  };
}

const procMount: Check = {
  id: 'procMount',
  level,
  run: (pod, minor) => (hasOwnUsers(pod, minor) ? undefined : procMountViolation(pod)),
};

const seLinux: Check = {
  id: 'seLinuxOptions',
  level,
  run(pod, minor) {
    const allowed = [
      '',
      'container_t',
      'container_init_t',
      'container_kvm_t',
      ...(minor >= 31 ? ['container_engine_t'] : []),
    ];
    const isBad = (options: SELinuxOptions | undefined): boolean =>
      options !== undefined &&
      (!allowed.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
    const own = pod.spec.securityContext?.seLinuxOptions;
    const setters = settersText(
      isBad(own),
      namesWhere(pod, (c) => isBad(c.securityContext?.seLinuxOptions)),
    );
    if (!setters) return undefined;
    const all = [own, ...containersOf(pod).map((c) => c.securityContext?.seLinuxOptions)];
    const types = sortedSet(all.map((options) => options?.type ?? '').filter((type) => !allowed.includes(type)));
    const parts = [
      ...(types.length > 0 ? [`${plural(types.length, 'type', 'types')} ${quotedNames(types)}`] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${setters} set forbidden securityContext.seLinuxOptions: ${parts.join('; ')}`,
    };
  },
};

/** Profiles that are named and not allowed. */
export function badSeccomp(pod: PodLike): Violation | undefined {
  const bad = (type: string | undefined): boolean =>
    type !== undefined && !['RuntimeDefault', 'Localhost'].includes(type);
  const own = pod.spec.securityContext?.seccompProfile?.type;
  const names = namesWhere(pod, ({ securityContext }) => bad(securityContext?.seccompProfile?.type));
  const setters = settersText(bad(own), names);
  if (!setters) return undefined;
  const types = [own, ...containersOf(pod).map(({ securityContext }) => securityContext?.seccompProfile?.type)];
  const values = sortedSet(types.filter((type): type is string => bad(type)));
  return {
    reason: 'seccompProfile',
    detail: `${setters} must not set securityContext.seccompProfile.type to ${quotedNames(values)}`,
  };
}

const seccomp: Check = { id: 'seccompProfile_baseline', level, since: 19, run: badSeccomp };

/** Minor version from which each may be set. */
const safeSysctls: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
};

const sysctls: Check = {
  id: 'sysctls',
  level,
  run({ spec }, minor) {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
    const bad = names.filter((name) => minor < (safeSysctls[name] ?? Number.POSITIVE_INFINITY));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  },
};

const windowsHostProcess: Check = {
  id: 'windowsHostProcess',
  level,
  run(pod) {
    const names = namesWhere(pod, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
    const setters = settersText(pod.spec.securityContext?.windowsOptions?.hostProcess === true, names);
    if (!setters) return undefined;
    return { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
  },
};

/** In the order in which their findings are reported. */
export const baselineChecks: readonly Check[] = [
  appArmor,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinux,
  seccomp,
  sysctls,
  windowsHostProcess,
];
