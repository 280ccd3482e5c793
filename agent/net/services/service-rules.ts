// What one service adds to the table (table.ts), seen from one node: chains, elements of maps, sets for session affinity. Pure.
// Behaviour follows kube-proxy's nftables mode: https://kubernetes.io/docs/reference/networking/virtual-ips/ and KEP-3866.
import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { EndpointSlice, Service, ServicePort } from '../../../core/api/types.gen.ts';
import type { PoolTarget } from './pools.ts';
import { collections, masquerade, type NodeNetwork, refuse } from './table.ts';
import { type Target, type Targets, targetsOf } from './targets.ts';

export interface ServiceRules {
  /** Rules by chain. */
  chains: Map<string, readonly string[]>;
  /** By chain: endpoints (`address . port`) of which it picks one at random. */
  pools: Map<string, readonly PoolTarget[]>;
  /** Client addresses that keep to an endpoint. */
  affinitySets: Set<string>;
  /** `collection element` -> verdict, '' in a set. */
  elements: Map<string, string>;
  /** `address . udp . port` or `udp . port` -> `address:port` of the endpoints that flows may lead to. */
  flows: Map<string, ReadonlySet<string>>;
  /** Where load balancers ask whether this node has an endpoint; with externalTrafficPolicy Local only. */
  healthCheck?: { port: number; localEndpoints: number };
}

export const noRules = (): ServiceRules => ({
  chains: new Map(),
  pools: new Map(),
  affinitySets: new Set(),
  elements: new Map(),
  flows: new Map(),
});

/** Answered by the node itself: a packet to cluster DNS is nobody else's. */
const isClusterDns = ({ metadata }: Service): boolean =>
  metadata?.namespace === 'kube-system' && metadata.name === 'kube-dns';

/** Nothing for services that have no address: headless ones, and names for something outside. */
export function serviceRules(service: Service, slices: readonly EndpointSlice[], node: NodeNetwork): ServiceRules {
  const rules = noRules();
  const spec = service.spec ?? {};
  const clusterIp = [spec.clusterIP ?? '', ...(spec.clusterIPs ?? [])].find(isIPv4);
  if (!clusterIp || spec.type === 'ExternalName' || isClusterDns(service)) return rules;
  rules.elements.set(`${collections.clusterAddresses} ${clusterIp}`, '');
  const local = new Set<string>();
  for (const port of spec.ports ?? []) {
    const targets = targetsOf(port, slices, node);
    for (const { address } of targets.local) local.add(address);
    new PortRules(service, port, targets, node, rules).write(clusterIp);
  }
  // the node is no bridge away from itself: it needs no other address to be answered
  for (const address of local)
    if (address !== node.address) rules.elements.set(`${collections.hairpin} ${address} . ${address}`, '');
  if (spec.healthCheckNodePort && spec.externalTrafficPolicy === 'Local')
    rules.healthCheck = { port: spec.healthCheckNodePort, localEndpoints: local.size };
  return rules;
}

const defaultAffinitySeconds = 10_800;
/** Chains' names may have 255 letters in the kernel, fewer in older versions of nft. */
const longestName = 120;

const nameOf = (what: string, id: string): string => `${what}-${id}`.slice(0, longestName);

class PortRules {
  readonly #service: Service;
  readonly #port: ServicePort;
  readonly #protocol: string;
  readonly #targets: Targets;
  readonly #node: NodeNetwork;
  readonly #rules: ServiceRules;
  readonly #id: string;

  constructor(service: Service, port: ServicePort, targets: Targets, node: NodeNetwork, rules: ServiceRules) {
    this.#service = service;
    this.#port = port;
    this.#protocol = (port.protocol ?? 'TCP').toLowerCase();
    this.#targets = targets;
    this.#node = node;
    this.#rules = rules;
    const { namespace, name } = service.metadata ?? {};
    const readable = `${namespace}/${name}/${this.#protocol}/${port.port}`;
    this.#id = `${createHash('sha256').update(readable).digest('hex').slice(0, 12)}/${readable}`;
  }

  write(clusterIp: string): void {
    const { internalTrafficPolicy } = this.#service.spec ?? {};
    const { port, nodePort } = this.#port;
    const isInternalLocal = internalTrafficPolicy === 'Local';
    const internal = isInternalLocal ? this.#targets.local : this.#targets.cluster;
    this.#open(clusterIp, port, this.#verdict(internal, isInternalLocal ? 'local' : 'cluster'), internal);
    const addresses = this.#externalAddresses();
    if (addresses.length === 0 && !nodePort) return;
    const verdict = this.#targets.cluster.length > 0 ? `goto ${this.#external()}` : `goto ${refuse}`;
    const targets = [...this.#targets.cluster, ...this.#targets.local];
    for (const { address, isBalanced } of addresses)
      this.#open(address, port, isBalanced ? this.#guarded(verdict) : verdict, targets);
    if (nodePort) this.#open(undefined, nodePort, verdict, targets);
  }

  /** `address` undefined: on the node. What a name says first stands: cluster IP, external IPs, load balancers. */
  #open(address: string | undefined, port: number, verdict: string, targets: readonly Target[]): void {
    const key = address ? `${address} . ${this.#protocol} . ${port}` : `${this.#protocol} . ${port}`;
    const element = `${address ? collections.servicePorts : collections.nodePorts} ${key}`;
    if (this.#rules.elements.has(element)) return;
    this.#rules.elements.set(element, verdict);
    if (this.#protocol !== 'udp') return;
    this.#rules.flows.set(key, new Set(targets.map((target) => `${target.address}:${target.port}`)));
  }

  #externalAddresses(): { address: string; isBalanced: boolean }[] {
    const { spec, status } = this.#service;
    // what says Proxy sends its packets on by itself, to node ports
    const ingress = spec?.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : [];
    const balanced = ingress.filter(({ ipMode }) => ipMode !== 'Proxy').flatMap(({ ip }) => ip ?? []);
    return [
      ...(spec?.externalIPs ?? []).map((address) => ({ address, isBalanced: false })),
      ...balanced.map((address) => ({ address, isBalanced: true })),
    ].filter(({ address }) => isIPv4(address));
  }

  /** No endpoint anywhere: refused at once. None here, where it must be here: dropped. */
  #verdict(targets: readonly Target[], scope: 'cluster' | 'local'): string {
    if (targets.length > 0) return `goto ${this.#balanced(scope)}`;
    return this.#targets.cluster.length > 0 ? 'drop' : `goto ${refuse}`;
  }

  #chain(name: string, rules: readonly string[]): string {
    const chain = nameOf(name, this.#id);
    this.#rules.chains.set(chain, rules);
    return chain;
  }

  /** From outside the cluster, or to an address that is for those. */
  #external(): string {
    if (this.#service.spec?.externalTrafficPolicy !== 'Local') {
      return this.#chain('external', [`jump ${masquerade}`, `goto ${this.#balanced('cluster')}`]);
    }
    // The client's address is kept, so only endpoints here will do; what comes from here may go to any.
    const { podRange } = this.#node;
    const anywhere = `goto ${this.#balanced('cluster')}`;
    return this.#chain('external', [
      ...(podRange ? [`ip saddr ${podRange} ${anywhere}`] : []),
      `fib saddr type local jump ${masquerade}`,
      `fib saddr type local ${anywhere}`,
      this.#targets.local.length > 0 ? `goto ${this.#balanced('local')}` : 'drop',
    ]);
  }

  /** Behind the source ranges of a load balancer, where there are any. */
  #guarded(verdict: string): string {
    const ranges = (this.#service.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    if (ranges.length === 0 || ranges.includes('0.0.0.0/0')) return verdict;
    const ipv4 = ranges.filter((range) => !range.includes(':'));
    return `goto ${this.#chain('sources', [...ipv4.map((range) => `ip saddr ${range} ${verdict}`), 'drop'])}`;
  }

  /** The chain that sends a new connection to one of the endpoints. */
  #balanced(scope: 'cluster' | 'local'): string {
    const { sessionAffinity, sessionAffinityConfig } = this.#service.spec ?? {};
    const targets = this.#targets[scope];
    if (sessionAffinity !== 'ClientIP') {
      const chain = nameOf(scope, this.#id);
      const pool = targets.map(({ address, port }) => `${address} . ${port}`);
      this.#rules.pools.set(chain, pool);
      return chain;
    }
    const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
    const ends = targets.map((target) => this.#sticky(target, seconds));
    const choices = ends.map(({ chain }, index) => `${index} : goto ${chain}`);
    return this.#chain(scope, [
      ...ends.map(({ set, chain }) => `ip saddr @${set} goto ${chain}`),
      `numgen random mod ${ends.length} vmap { ${choices.join(', ')} }`,
    ]);
  }

  #to({ address, port }: Target): string {
    return `meta l4proto ${this.#protocol} dnat ip to ${address}:${port}`;
  }

  /** An endpoint that remembers its clients. Each connection begins the time anew. */
  #sticky(target: Target, seconds: number): { set: string; chain: string } {
    const end = `${target.address}/${target.port}`;
    const set = nameOf(`clients-${end}`, this.#id);
    this.#rules.affinitySets.add(set);
    const rules = [`update @${set} { ip saddr timeout ${seconds}s }`, this.#to(target)];
    return { set, chain: this.#chain(`endpoint-${end}`, rules) };
  }
}
