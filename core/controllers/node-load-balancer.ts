// Gives services of type LoadBalancer the nodes' own addresses, where no other load balancer is at hand: clusters on one machine.
// Nodes have each port once, so the oldest service that asks for one has it, and the others wait.
// Follows https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
import { isNodeReady } from '../api/node-ready.ts';
import { keyOf, type ObjectKey, type Stored } from '../api/objects.ts';
import { serviceNameLabel } from '../api/service-labels.ts';
import type { EndpointSlice, Node } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import type { Action, Cache, Controller } from './controller.ts';
import type { StoredService } from './endpoints/service-pods.ts';
import { asObject, isDeleting } from './owner.ts';

export interface ObservedBalancer {
  service: StoredService;
  nodes: readonly Stored<Node>[];
  /** Other services that this controller serves. */
  others: readonly StoredService[];
  slices: readonly EndpointSlice[];
}

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** One with a class is somebody else's. */
const isServed = (service: StoredService): boolean =>
  service.spec?.type === 'LoadBalancer' && !service.spec.loadBalancerClass && !isDeleting(service);

const ageOf = ({ metadata }: StoredService): string =>
  `${metadata.creationTimestamp} ${metadata.namespace}/${metadata.name}`;

const portsOf = ({ spec }: StoredService): string[] =>
  (spec?.ports ?? []).map(({ port, protocol = 'TCP' }) => `${protocol} ${port}`);

/** What stands in the way of the service, in words; undefined: nothing. */
function obstacle({ service, nodes, others }: ObservedBalancer): string | undefined {
  const wanted = new Set(portsOf(service));
  const agents = nodes.map(({ status }) => `TCP ${status?.daemonEndpoints?.kubeletEndpoint?.Port}`);
  const ofNode = agents.find((port) => wanted.has(port));
  if (ofNode) return `the nodes themselves listen on ${ofNode}`;
  const elder = others
    .filter((other) => ageOf(other) < ageOf(service))
    .find((other) => portsOf(other).some((port) => wanted.has(port)));
  if (!elder) return undefined;
  const port = portsOf(elder).find((one) => wanted.has(one));
  return `the service ${elder.metadata.namespace}/${elder.metadata.name} has ${port} on the nodes' addresses`;
}

/** Nodes without an endpoint drop what comes from outside when the client's address is to be kept. */
function addressesOf({ service, nodes, slices }: ObservedBalancer): string[] {
  const able = nodes.filter((node) => isNodeReady(node) && node.metadata.labels?.[excludeLabel] === undefined);
  const withEndpoint = new Set(
    slices.flatMap(({ endpoints }) =>
      (endpoints ?? []).filter((it) => it.conditions?.ready !== false).map((it) => it.nodeName),
    ),
  );
  const isLocal = service.spec?.externalTrafficPolicy === 'Local';
  const near = isLocal ? able.filter(({ metadata }) => withEndpoint.has(metadata.name)) : able;
  return (near.length > 0 ? near : able)
    .flatMap(({ status }) => status?.addresses ?? [])
    .filter(({ type, address }) => type === 'InternalIP' && !address.includes(':') && !address.startsWith('127.'))
    .map(({ address }) => address)
    .sort();
}

export function decideBalancer(observed: ObservedBalancer): Action[] {
  const { service } = observed;
  const trouble = obstacle(observed);
  const wanted = trouble ? [] : addressesOf(observed);
  const standing = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '');
  const actions: Action[] = [];
  if (trouble) {
    const message = `Error syncing load balancer: ${trouble}`;
    actions.push({ do: 'event', about: asObject(service), type: 'Warning', reason: 'SyncLoadBalancerFailed', message });
  }
  if (wanted.join() === standing.join()) return actions;
  const ingress = wanted.map((ip) => ({ ip, ipMode: 'VIP' }));
  const patch = { metadata: { uid: service.metadata.uid }, status: { loadBalancer: { ingress } } };
  const key = keyOf(service);
  return [...actions, { do: 'patch', of: resources.services, key, patch, type: 'merge', subresource: 'status' }];
}

const balanced = (cache: Cache): StoredService[] =>
  (cache.list(resources.services) as unknown as StoredService[]).filter(isServed);

export const nodeLoadBalancerController: Controller<ObservedBalancer> = {
  name: 'node-load-balancer',
  component: 'service-controller',
  watches: [resources.services, resources.nodes, resources.endpointSlices],
  keysFor(of, object, previous, cache): readonly ObjectKey[] {
    if (of === resources.endpointSlices) {
      const name = object.metadata.labels?.[serviceNameLabel];
      return name ? [{ namespace: object.metadata.namespace ?? '', name }] : [];
    }
    // A node that comes or goes concerns all of them, and a port that becomes free those that wait for it.
    const all = balanced(cache).map(keyOf);
    if (of === resources.nodes) return all;
    const concerned = [object, previous].some(
      (it) => it && (it as unknown as StoredService).spec?.type === 'LoadBalancer',
    );
    return concerned ? [keyOf(object), ...all] : [];
  },
  observe(key, cache) {
    const service = cache.get(resources.services, key) as unknown as StoredService | undefined;
    if (!service || !isServed(service)) return undefined;
    const slices = cache.list(resources.endpointSlices, key.namespace) as unknown as EndpointSlice[];
    return {
      service,
      nodes: cache.list(resources.nodes) as unknown as Stored<Node>[],
      others: balanced(cache).filter(({ metadata }) => metadata.uid !== service.metadata.uid),
      slices: slices.filter(({ metadata }) => metadata?.labels?.[serviceNameLabel] === key.name),
    };
  },
  decide: decideBalancer,
};
