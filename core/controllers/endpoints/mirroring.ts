// Endpoints that somebody wrote by hand for a service without selector are mirrored into slices.
// Follows https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring
import { keyOf, type Stored } from '../../api/objects.ts';
import { serviceNameLabel } from '../../api/service-labels.ts';
import type { Endpoint, EndpointAddress, Endpoints, Service } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Controller } from '../controller.ts';
import { canonicalJson } from '../hash.ts';
import { controllerReference, isDeleting } from '../owner.ts';
import { managedByLabel, sliceOwnerKey } from './endpoint-slice.ts';
import { addressTypeOf } from './service-pods.ts';
import { type EndpointGroup, reconcileSlices, type StoredSlice } from './slices.ts';

export interface ObservedMirror {
  /** undefined: nothing is to be mirrored, and what was goes. */
  endpoints?: Stored<Endpoints>;
  slices: readonly StoredSlice[];
}

const manager = 'endpointslicemirroring-controller.k8s.io';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
const ownAnnotations = [
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
];
/** Addresses mirrored of one subset. */
const MIRROR_LIMIT = 1_000;

const toEndpoint = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname ? { hostname } : {}),
  ...(nodeName ? { nodeName } : {}),
  ...(targetRef ? { targetRef } : {}),
});

function groupsOf({ subsets }: Endpoints): EndpointGroup[] {
  const groups = new Map<string, EndpointGroup & { endpoints: Endpoint[] }>();
  for (const { addresses, notReadyAddresses, ports } of subsets ?? []) {
    const slicePorts = (ports ?? []).map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    }));
    const all = [
      ...(addresses ?? []).map((address) => toEndpoint(address, true)),
      ...(notReadyAddresses ?? []).map((address) => toEndpoint(address, false)),
    ];
    for (const endpoint of all.slice(0, MIRROR_LIMIT)) {
      const addressType = addressTypeOf(endpoint.addresses[0] ?? '');
      const key = canonicalJson([addressType, slicePorts]);
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { addressType, ports: slicePorts, endpoints: [] }));
      group.endpoints.push(endpoint);
    }
  }
  return [...groups.values()];
}

export function decideMirror({ endpoints, slices }: ObservedMirror): Action[] {
  if (!endpoints) {
    return slices.map(
      ({ metadata: { namespace = '', name, uid } }): Action => ({
        do: 'delete',
        of: resources.endpointSlices,
        key: { namespace, name },
        options: { uid },
      }),
    );
  }
  const { metadata } = endpoints;
  const labels = { ...metadata.labels, [serviceNameLabel]: metadata.name, [managedByLabel]: manager };
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !ownAnnotations.includes(key)),
  );
  const owner = { metadata, reference: controllerReference(endpoints), labels, annotations };
  return reconcileSlices(owner, groupsOf(endpoints), slices);
}

const isMirrored = (service: Service | undefined, endpoints: Stored<Endpoints> | undefined): boolean =>
  service !== undefined &&
  Object.keys(service.spec?.selector ?? {}).length === 0 &&
  endpoints !== undefined &&
  !isDeleting(endpoints) &&
  endpoints.metadata.labels?.[skipLabel] !== 'true' &&
  endpoints.metadata.annotations?.[leaderAnnotation] === undefined;

export const endpointMirrorController: Controller<ObservedMirror> = {
  name: 'endpoint-slice-mirroring',
  component: 'endpoint-slice-mirroring-controller',
  watches: [resources.services, resources.endpoints, resources.endpointSlices],
  keysFor: (of, object) => (of === resources.endpointSlices ? sliceOwnerKey(object, manager) : [keyOf(object)]),
  observe(key, cache) {
    const service = cache.get(resources.services, key) as Service | undefined;
    const endpoints = cache.get(resources.endpoints, key) as unknown as Stored<Endpoints> | undefined;
    const slices = cache
      .list(resources.endpointSlices, key.namespace)
      .filter((slice) => sliceOwnerKey(slice, manager)[0]?.name === key.name) as unknown as StoredSlice[];
    if (!isMirrored(service, endpoints)) return slices.length > 0 ? { slices } : undefined;
    return { endpoints: endpoints!, slices };
  },
  decide: decideMirror,
  resyncMs: 600_000,
};
