// Endpoints objects of services with selectors: the older form that many clients still read.
// Follows https://kubernetes.io/docs/concepts/services-networking/service/#endpoints
import { sameValue } from '../../api/kinds/findings.ts';
import { type KubeObject, keyOf, type Stored } from '../../api/objects.ts';
import type { CoreV1EndpointPort, EndpointAddress, EndpointSubset, Endpoints } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Controller } from '../controller.ts';
import { canonicalJson } from '../hash.ts';
import { asObject, isDeleting } from '../owner.ts';
import { isReady, type StoredPod } from '../pod-state.ts';
import { podsOf, servicesOf } from './endpoint-slice.ts';
import {
  addressesOf,
  headlessLabel,
  hostnameOf,
  isHeadless,
  referenceTo,
  type StoredService,
  selectsPods,
  targetPortOf,
} from './service-pods.ts';

export interface ObservedEndpoints {
  /** undefined: the service is gone, and so shall this be. */
  service?: StoredService;
  pods: readonly StoredPod[];
  standing?: Stored<Endpoints>;
}

const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const manager = 'endpoint-controller';
const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';
const overCapacity = 'endpoints.kubernetes.io/over-capacity';
/** Addresses in one object; further ones are only in slices. */
const ADDRESS_LIMIT = 1_000;

function addressOf(pod: StoredPod, service: StoredService): EndpointAddress {
  const hostname = hostnameOf(pod, service);
  return {
    ip: addressesOf(pod)[0] ?? '',
    ...(hostname ? { hostname } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: referenceTo(pod),
  };
}

interface PortAddresses {
  port: CoreV1EndpointPort | undefined;
  ready: EndpointAddress[];
  notReady: EndpointAddress[];
}

const byIp = (a: EndpointAddress, b: EndpointAddress): number =>
  a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;

const byPort = (a: CoreV1EndpointPort, b: CoreV1EndpointPort): number =>
  (a.name ?? '') < (b.name ?? '') ? -1 : (a.name ?? '') > (b.name ?? '') ? 1 : a.port - b.port;

/** Addresses by port, then ports with the same addresses together. */
export function subsetsOf(service: StoredService, pods: readonly StoredPod[]): EndpointSubset[] {
  const byTarget = new Map<string, PortAddresses>();
  const add = (port: CoreV1EndpointPort | undefined, pod: StoredPod): void => {
    const key = canonicalJson(port ?? null);
    let entry = byTarget.get(key);
    if (!entry) byTarget.set(key, (entry = { port, ready: [], notReady: [] }));
    const ready = service.spec?.publishNotReadyAddresses || isReady(pod);
    (ready ? entry.ready : entry.notReady).push(addressOf(pod, service));
  };
  for (const pod of pods) {
    if (isDeleting(pod) && !service.spec?.publishNotReadyAddresses) continue;
    const servicePorts = service.spec?.ports ?? [];
    if (servicePorts.length === 0 && isHeadless(service)) add(undefined, pod);
    for (const servicePort of servicePorts) {
      const port = targetPortOf(pod, servicePort);
      const { name, protocol = 'TCP', appProtocol } = servicePort;
      if (port === undefined) continue;
      add({ ...(name ? { name } : {}), port, protocol, ...(appProtocol ? { appProtocol } : {}) }, pod);
    }
  }
  const subsets = new Map<string, EndpointSubset>();
  for (const { port, ready, notReady } of byTarget.values()) {
    const addresses = ready.sort(byIp);
    const notReadyAddresses = notReady.sort(byIp);
    const key = canonicalJson([addresses, notReadyAddresses]);
    const subset = subsets.get(key);
    if (subset && port) subset.ports = [...(subset.ports ?? []), port].sort(byPort);
    else {
      subsets.set(key, {
        ...(addresses.length > 0 ? { addresses } : {}),
        ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
        ...(port ? { ports: [port] } : {}),
      });
    }
  }
  return [...subsets.values()];
}

/** Ready addresses first. Returns whether some had to be left out. */
function truncate(subsets: EndpointSubset[]): boolean {
  let room = ADDRESS_LIMIT;
  let cut = false;
  for (const field of ['addresses', 'notReadyAddresses'] as const) {
    for (const subset of subsets) {
      const all = subset[field] ?? [];
      if (all.length > room) {
        subset[field] = all.slice(0, room);
        cut = true;
      }
      room -= Math.min(room, all.length);
    }
  }
  return cut;
}

export function decideEndpoints({ service, pods, standing }: ObservedEndpoints, nowMs: number): Action[] {
  if (!service) return standing ? [remove(standing)] : [];
  const subsets = subsetsOf(service, pods);
  const cut = truncate(subsets);
  const { [headlessLabel]: _headless, ...serviceLabels } = service.metadata.labels ?? {};
  const labels = {
    ...serviceLabels,
    ...(isHeadless(service) ? { [headlessLabel]: '' } : {}),
    [managedByLabel]: manager,
  };
  if (standing && sameValue(standing.subsets, subsets) && sameValue(standing.metadata.labels, labels)) return [];
  const { [overCapacity]: _over, ...annotations } = standing?.metadata.annotations ?? {};
  const changed = { ...annotations, [triggerTime]: timestamp(nowMs), ...(cut ? { [overCapacity]: 'truncated' } : {}) };
  const { namespace, name } = service.metadata;
  const metadata = { ...(standing?.metadata ?? { name, namespace }), labels, annotations: changed };
  const object = asObject({ apiVersion: 'v1', kind: 'Endpoints', metadata, subsets });
  return [
    standing ? { do: 'update', of: resources.endpoints, object } : { do: 'create', of: resources.endpoints, object },
  ];
}

const remove = ({ metadata: { namespace = '', name, uid } }: Stored<Endpoints>): Action => ({
  do: 'delete',
  of: resources.endpoints,
  key: { namespace, name },
  options: { uid },
});

const isOurs = (endpoints: KubeObject | undefined): boolean => endpoints?.metadata.labels?.[managedByLabel] === manager;

export const endpointsController: Controller<ObservedEndpoints> = {
  name: 'endpoints',
  component: 'endpoint-controller',
  watches: [resources.services, resources.pods, resources.endpoints],
  keysFor: (of, object, previous, cache) =>
    of === resources.pods ? servicesOf(object, previous, cache) : [keyOf(object)],
  observe(key, cache) {
    const service = cache.get(resources.services, key) as unknown as StoredService | undefined;
    const standing = cache.get(resources.endpoints, key);
    // What somebody wrote by hand for a service that never was stays, until it was ours.
    if (!service)
      return isOurs(standing) ? { pods: [], standing: standing as unknown as Stored<Endpoints> } : undefined;
    if (isDeleting(service) || !selectsPods(service)) return undefined;
    return {
      service,
      pods: podsOf(service, cache),
      ...(standing ? { standing: standing as unknown as Stored<Endpoints> } : {}),
    };
  },
  decide: decideEndpoints,
  resyncMs: 600_000,
};
