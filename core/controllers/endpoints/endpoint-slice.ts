// Endpoint slices of services with selectors.
// Follows https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/

import { isNodeReady } from '../../api/node-ready.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { serviceNameLabel } from '../../api/service-labels.ts';
import type { DiscoveryV1EndpointPort, Endpoint, Node } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Cache, Controller } from '../controller.ts';
import { canonicalJson } from '../hash.ts';
import { controllerReference, isDeleting } from '../owner.ts';
import { isReady, type StoredPod } from '../pod-state.ts';
import { hintEndpoints } from './hints.ts';
import {
  type AddressType,
  addressesOf,
  addressTypeOf,
  hasEndpoint,
  hostnameOf,
  inheritedLabels,
  isHeadless,
  referenceTo,
  type StoredService,
  selectsPod,
  selectsPods,
  targetPortOf,
} from './service-pods.ts';
import { type EndpointGroup, reconcileSlices, type StoredSlice } from './slices.ts';
import { isTopologyAware, zoneLabel } from './topology.ts';

export interface ObservedSlices {
  service: StoredService;
  pods: readonly StoredPod[];
  /** Zone by node, of the nodes that the pods are on. */
  zones: Readonly<Record<string, string>>;
  /** All nodes, for a service that is topology aware; else none. */
  nodes: readonly Node[];
  /** Those that this controller made for the service. */
  slices: readonly StoredSlice[];
}

export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const manager = 'endpointslice-controller.k8s.io';

function portsOf(service: StoredService, pod: StoredPod): DiscoveryV1EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((servicePort) => {
    const port = targetPortOf(pod, servicePort);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

function endpointOf(observed: ObservedSlices, pod: StoredPod, addresses: string[]): Endpoint {
  const { service, zones } = observed;
  const serving = isReady(pod);
  const terminating = isDeleting(pod);
  const ready = service.spec?.publishNotReadyAddresses || (serving && !terminating);
  const nodeName = pod.spec?.nodeName;
  const zone = nodeName && zones[nodeName];
  const hostname = hostnameOf(pod, service);
  return {
    addresses,
    conditions: { ready: Boolean(ready), serving, terminating },
    targetRef: referenceTo(pod),
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

function groupsOf(observed: ObservedSlices, addressType: AddressType): EndpointGroup[] {
  const { service } = observed;
  const groups = new Map<string, EndpointGroup & { endpoints: Endpoint[] }>();
  for (const pod of observed.pods) {
    const addresses = addressesOf(pod).filter((ip) => addressTypeOf(ip) === addressType);
    const ports = portsOf(service, pod);
    if (addresses.length === 0 || (ports.length === 0 && !isHeadless(service))) continue;
    const key = canonicalJson(ports);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { addressType, ports, endpoints: [] }));
    group.endpoints.push(endpointOf(observed, pod, addresses));
  }
  // A service that leads nowhere has a slice that says so.
  return groups.size > 0 ? [...groups.values()] : [{ addressType, ports: [], endpoints: [] }];
}

export function decideSlices(observed: ObservedSlices, nowMs: number): Action[] {
  const { service, slices } = observed;
  const families = (service.spec?.ipFamilies ?? ['IPv4']) as AddressType[];
  const labels = {
    ...inheritedLabels(service),
    [serviceNameLabel]: service.metadata.name,
    [managedByLabel]: manager,
  };
  const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': timestamp(nowMs) };
  const owner = { metadata: service.metadata, reference: controllerReference(service), labels, annotations };
  const hinted = families.map((family) => {
    const ofFamily = slices.filter(({ addressType }) => addressType === family);
    return hintEndpoints(service, groupsOf(observed, family), ofFamily, observed.nodes);
  });
  const groups = hinted.flatMap((one) => one.groups);
  return [...reconcileSlices(owner, groups, slices), ...hinted.flatMap(({ events }) => events)];
}

/** Services of the namespace that a pod belongs to, now or before. */
export function servicesOf(pod: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  const states = previous && previous !== pod ? [pod, previous] : [pod];
  return (cache.list(resources.services, pod.metadata.namespace) as unknown as StoredService[])
    .filter((service) => selectsPods(service) && states.some(({ metadata }) => selectsPod(service, metadata.labels)))
    .map((service) => keyOf(service));
}

export function podsOf(service: StoredService, cache: Cache): StoredPod[] {
  const pods = cache.list(resources.pods, service.metadata.namespace) as unknown as StoredPod[];
  return pods.filter((pod) => selectsPod(service, pod.metadata.labels) && hasEndpoint(pod));
}

/** The service that a slice or an Endpoints object of one of our controllers is for. */
export function sliceOwnerKey(slice: KubeObject, by: string): ObjectKey[] {
  const { namespace = '', labels } = slice.metadata;
  const name = labels?.[serviceNameLabel];
  return name && labels?.[managedByLabel] === by ? [{ namespace, name }] : [];
}

/** What hints depend on. */
const standing = (node: Node | undefined): string =>
  canonicalJson(node && [node.metadata?.labels?.[zoneLabel], isNodeReady(node), node.status?.allocatable?.['cpu']]);

function isMoved(node: KubeObject, previous: KubeObject | undefined, cache: Cache): boolean {
  if (node === previous) return cache.get(resources.nodes, keyOf(node)) === undefined;
  return standing(node as Node) !== standing(previous as Node | undefined);
}

/** Services whose endpoints have hints. */
const nearServices = (cache: Cache): ObjectKey[] =>
  (cache.list(resources.services) as unknown as StoredService[])
    .filter((service) => selectsPods(service) && (service.spec?.trafficDistribution || isTopologyAware(service)))
    .map((service) => keyOf(service));

function keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  if (of === resources.services) return [keyOf(object)];
  if (of === resources.pods) return servicesOf(object, previous, cache);
  if (of === resources.endpointSlices) return sliceOwnerKey(object, manager);
  if (of === resources.nodes && isMoved(object, previous, cache)) return nearServices(cache);
  return [];
}

export const endpointSliceController: Controller<ObservedSlices> = {
  name: 'endpoint-slice',
  component: 'endpoint-slice-controller',
  watches: [resources.services, resources.pods, resources.endpointSlices, resources.nodes],
  keysFor,
  observe(key, cache) {
    const service = cache.get(resources.services, key) as unknown as StoredService | undefined;
    if (!service || isDeleting(service) || !selectsPods(service)) return undefined;
    const pods = podsOf(service, cache);
    const zones: Record<string, string> = {};
    for (const { spec } of pods) {
      const node =
        spec?.nodeName && (cache.get(resources.nodes, { namespace: '', name: spec.nodeName }) as Node | undefined);
      const zone = node ? node.metadata?.labels?.[zoneLabel] : undefined;
      if (spec?.nodeName && zone) zones[spec.nodeName] = zone;
    }
    const slices = cache
      .ownedBy(resources.endpointSlices, service.metadata.uid)
      .filter((slice) => sliceOwnerKey(slice, manager).length > 0 && !isDeleting(slice));
    const nodes = isTopologyAware(service) ? (cache.list(resources.nodes) as readonly Node[]) : [];
    return { service, pods, zones, nodes, slices: slices as unknown as StoredSlice[] };
  },
  decide: decideSlices,
  resyncMs: 600_000,
};
