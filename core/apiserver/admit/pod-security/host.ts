// Baseline: what of the node a pod may not take: its namespaces, paths, ports and processes.
// Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
import type { LifecycleHandler } from '../../../api/types.gen.ts';
import {
  type Check,
  containersOf,
  containersText,
  namesWhere,
  plural,
  quotedNames,
  settersText,
  sortedSet,
} from './check.ts';

const level = 'baseline';

export const hostNamespaces: Check = {
  id: 'hostNamespaces',
  level,
  run({ spec }) {
    const used = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
    return used.length === 0
      ? undefined
      : { reason: 'host namespaces', detail: used.map((field) => `${field}=true`).join(', ') };
  },
};

export const hostPathVolumes: Check = {
  id: 'hostPathVolumes',
  level,
  run({ spec }) {
    const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
    if (names.length === 0) return undefined;
    return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume', 'volumes')} ${quotedNames(names)}` };
  },
};

export const hostPorts: Check = {
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

export const hostProbes: Check = {
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

export const windowsHostProcess: Check = {
  id: 'windowsHostProcess',
  level,
  run(pod) {
    const names = namesWhere(pod, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true);
    const setters = settersText(pod.spec.securityContext?.windowsOptions?.hostProcess === true, names);
    if (!setters) return undefined;
    return { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
  },
};
