// Baseline: privileges, capabilities, sysctls and what of /proc is shown.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import {
  type AnyContainer,
  type Check,
  containersOf,
  containersText,
  hasOwnUsers,
  namesWhere,
  type PodLike,
  quotedNames,
  sortedSet,
  type Violation,
} from './check.ts';

const level = 'baseline';

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

export const capabilities: Check = {
  id: 'capabilities_baseline',
  level,
  run(pod) {
    const others = (container: AnyContainer): string[] =>
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

export const privileged: Check = {
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

export const procMount: Check = {
  id: 'procMount',
  level,
  run: (pod, minor) => (hasOwnUsers(pod, minor) ? undefined : procMountViolation(pod)),
};

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

export const sysctls: Check = {
  id: 'sysctls',
  level,
  run({ spec }, minor) {
    const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name);
    const bad = names.filter((name) => minor < (safeSysctls[name] ?? Number.POSITIVE_INFINITY));
    return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') };
  },
};
