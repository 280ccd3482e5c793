// The node's own admission: what the scheduler promised is checked against what the node has. The reasons are kubelet's.
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  quantityMilliValue,
  quantityValue,
  subtractQuantities,
} from '../api/quantity.ts';
import type { Node, Pod } from '../api/types.gen.ts';
import { isSidecar } from './containers.ts';
import { isTerminal } from './phase.ts';

export interface Rejection {
  reason: string;
  message: string;
}

export interface NodeAbilities {
  userNamespaces: boolean;
  supplementalGroupsPolicy: boolean;
  allowedUnsafeSysctls: readonly string[];
}

type Amounts = Record<string, string>;

const plus = (a: Amounts, b: Amounts): Amounts => {
  const sum = { ...a };
  for (const [name, value] of Object.entries(b))
    sum[name] = name in sum ? formatQuantity(addQuantities(sum[name]!, value)) : value;
  return sum;
};
const larger = (a: Amounts, b: Amounts): Amounts => {
  const most = { ...a };
  for (const [name, value] of Object.entries(b))
    if (!(name in most) || compareQuantities(value, most[name]!) > 0) most[name] = value;
  return most;
};

/** Requests of the pod by resource, as the scheduler counts them. */
export function requestsOf(pod: Pod): Amounts {
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const own = (container.resources?.requests ?? {}) as Amounts;
    if (isSidecar(container)) sidecars = plus(sidecars, own);
    peak = larger(peak, isSidecar(container) ? sidecars : plus(sidecars, own));
  }
  let apps = sidecars;
  for (const container of pod.spec?.containers ?? [])
    apps = plus(apps, (container.resources?.requests ?? {}) as Amounts);
  const podLevel = (pod.spec?.resources?.requests ?? {}) as Amounts;
  return plus({ ...larger(apps, peak), ...podLevel }, (pod.spec?.overhead ?? {}) as Amounts);
}

/** What a node lacks of a resource for a pod; CPU in milli-CPUs, all else in whole units. */
export interface Shortage {
  resource: string;
  requested: number;
  used: number;
  capacity: number;
}

/** As messages show them: milli-CPUs, else whole units. */
export const units = (resource: string, quantity: string): number =>
  resource === 'cpu' ? quantityMilliValue(quantity) : quantityValue(quantity);

/** Resources that do not suffice. @param others all other pods of the node that were admitted */
export function shortages(pod: Pod, node: Node, others: readonly Pod[]): Shortage[] {
  const allocatable = (node.status?.allocatable ?? {}) as Amounts;
  const active = others.filter((p) => !isTerminal(p.status?.phase));
  const podLimit = Number(allocatable['pods'] ?? '110');
  const short: Shortage[] = [];
  if (active.length + 1 > podLimit)
    short.push({ resource: 'pods', requested: 1, used: active.length, capacity: podLimit });
  const used = active.map(requestsOf).reduce(plus, {});
  for (const [resource, request] of Object.entries(requestsOf(pod))) {
    if (units(resource, request) === 0) continue;
    const capacity = allocatable[resource] ?? '0';
    const taken = used[resource] ?? '0';
    if (compareQuantities(request, subtractQuantities(capacity, taken)) > 0) {
      const of = (quantity: string): number => units(resource, quantity);
      short.push({ resource, requested: of(request), used: of(taken), capacity: of(capacity) });
    }
  }
  return short;
}

const outOf = ({ resource, requested, used, capacity }: Shortage): Rejection => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});

const nodeMismatch: Rejection = {
  reason: 'NodeAffinity',
  message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
};

function selectorFits(pod: Pod, node: Node): boolean {
  const labels = node.metadata?.labels ?? {};
  return Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
}

const hostPorts = (pod: Pod): string[] =>
  [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])].flatMap((c) =>
    (c.ports ?? [])
      .filter((p) => (p.hostPort ?? 0) > 0)
      .map((p) => `${p.protocol ?? 'TCP'}/${p.hostIP || '0.0.0.0'}/${p.hostPort}`),
  );

function portsFit(pod: Pod, others: readonly Pod[]): boolean {
  const taken = new Set(others.filter((p) => !isTerminal(p.status?.phase)).flatMap(hostPorts));
  return hostPorts(pod).every((port) => {
    const [protocol, , number] = port.split('/');
    const anywhere = [...taken].some((t) => t.startsWith(`${protocol}/`) && t.endsWith(`/${number}`));
    return !taken.has(port) && !taken.has(`${protocol}/0.0.0.0/${number}`) && !(port.includes('/0.0.0.0/') && anywhere);
  });
}

/** Namespaced and harmless: https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/ */
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function sysctlsFit(pod: Pod, allowed: readonly string[]): Rejection | undefined {
  for (const { name: written } of pod.spec?.securityContext?.sysctls ?? []) {
    const name = written.replaceAll('/', '.');
    const reject = (text: string): Rejection => ({ reason: 'SysctlForbidden', message: `forbidden sysctl: ${text}` });
    const permitted =
      safeSysctls.has(name) || allowed.some((a) => (a.endsWith('*') ? name.startsWith(a.slice(0, -1)) : a === name));
    if (!permitted) return reject(`"${name}" not allowlisted`);
    if (pod.spec?.hostNetwork && name.startsWith('net.')) return reject(`"${name}" not allowed with host net enabled`);
    if (pod.spec?.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(name))
      return reject(`"${name}" not allowed with host ipc enabled`);
  }
  return undefined;
}

function abilitiesFit(pod: Pod, abilities: NodeAbilities): Rejection | undefined {
  if (pod.spec?.hostUsers === false && !abilities.userNamespaces) {
    return {
      reason: 'UserNamespacesNotSupported',
      message: 'the container runtime of this node cannot run pods with hostUsers: false',
    };
  }
  if (pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict' && !abilities.supplementalGroupsPolicy) {
    const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
    return { reason: 'SupplementalGroupsPolicyNotSupported', message };
  }
  if (pod.spec?.os?.name && pod.spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  if (pod.spec?.resourceClaims?.length) {
    return { reason: 'UnexpectedAdmissionError', message: 'dynamic resource claims are not supported by this node' };
  }
  return undefined;
}

/** What keeps the pod from running here however much room there is. @param others all other pods of the node that were admitted */
export function misfit(pod: Pod, node: Node, others: readonly Pod[], abilities: NodeAbilities): Rejection | undefined {
  return (
    abilitiesFit(pod, abilities) ??
    sysctlsFit(pod, abilities.allowedUnsafeSysctls) ??
    (selectorFits(pod, node) ? undefined : nodeMismatch) ??
    (portsFit(pod, others)
      ? undefined
      : {
          reason: 'NodePorts',
          message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        })
  );
}

/** Undefined: the pod may run here. @param others all other pods of the node that were admitted */
export function admit(pod: Pod, node: Node, others: readonly Pod[], abilities: NodeAbilities): Rejection | undefined {
  const [first] = shortages(pod, node, others);
  return misfit(pod, node, others, abilities) ?? (first && outOf(first));
}
