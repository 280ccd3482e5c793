// Brings the slices of one owner to what they should hold, with as few writes as possible: what is right stays where it is,
// what is new fills slices that have room.
import { sameValue } from '../../api/kinds/findings.ts';
import type { Stored } from '../../api/objects.ts';
import type {
  DiscoveryV1EndpointPort,
  Endpoint,
  EndpointSlice,
  ObjectMeta,
  OwnerReference,
} from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { canonicalJson, safeLetters } from '../hash.ts';
import { asObject } from '../owner.ts';
import type { AddressType } from './service-pods.ts';

export type StoredSlice = Stored<EndpointSlice>;

/** Endpoints in one slice, as kube-controller-manager's max-endpoints-per-slice. */
export const SLICE_LIMIT = 100;
const SUFFIX_LENGTH = 5;

/** Endpoints that share an address type and ports. */
export interface EndpointGroup {
  addressType: AddressType;
  ports: readonly DiscoveryV1EndpointPort[];
  endpoints: readonly Endpoint[];
}

export interface SliceOwner {
  metadata: ObjectMeta & { name: string };
  reference: OwnerReference;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

const groupKey = (addressType: string, ports: readonly DiscoveryV1EndpointPort[] | undefined | null): string =>
  canonicalJson([addressType, [...(ports ?? [])].sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))]);

/** An endpoint is the same as long as it is of the same pod, or address when there is no pod. */
export const identity = ({ addresses, targetRef }: Endpoint): string => targetRef?.uid ?? addresses.join();

export function reconcileSlices(
  owner: SliceOwner,
  groups: readonly EndpointGroup[],
  existing: readonly StoredSlice[],
): Action[] {
  const byGroup = new Map<string, StoredSlice[]>();
  for (const slice of existing) {
    const key = groupKey(slice.addressType, slice.ports);
    byGroup.set(key, [...(byGroup.get(key) ?? []), slice]);
  }
  const taken = new Set(existing.map(({ metadata }) => metadata.name));
  const actions: Action[] = [];
  for (const group of groups) {
    const key = groupKey(group.addressType, group.ports);
    actions.push(...reconcileGroup(owner, group, byGroup.get(key) ?? [], taken));
    byGroup.delete(key);
  }
  // What is right goes in before what is wrong goes out.
  for (const { metadata } of [...byGroup.values()].flat()) actions.push(remove(metadata));
  return actions;
}

const remove = ({ namespace = '', name = '', uid }: ObjectMeta): Action => ({
  do: 'delete',
  of: resources.endpointSlices,
  key: { namespace, name },
  options: uid ? { uid } : {},
});

function reconcileGroup(
  owner: SliceOwner,
  group: EndpointGroup,
  slices: readonly StoredSlice[],
  taken: Set<string>,
): Action[] {
  const wanted = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const contents = slices.map((slice) => {
    const kept: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const current = wanted.get(identity(endpoint));
      if (current) kept.push(current);
      wanted.delete(identity(endpoint));
    }
    return { slice, kept };
  });
  const fresh = [...wanted.values()];
  for (const { kept } of contents) kept.push(...fresh.splice(0, SLICE_LIMIT - kept.length));
  const actions: Action[] = [];
  const isLast = fresh.length === 0 && contents.every(({ kept }) => kept.length === 0);
  for (const [index, { slice, kept }] of contents.entries()) {
    // The last slice stays, empty, to say that there is nothing.
    if (kept.length === 0 && !(isLast && index === 0)) actions.push(remove(slice.metadata));
    else actions.push(...updateSlice(owner, slice, kept));
  }
  for (let slot = 0; fresh.length > 0 || (slot === 0 && contents.length === 0); slot++) {
    actions.push(createSlice(owner, group, fresh.splice(0, SLICE_LIMIT), taken));
  }
  return actions;
}

function updateSlice(owner: SliceOwner, slice: StoredSlice, endpoints: readonly Endpoint[]): Action[] {
  const sameContent = sameValue(slice.endpoints, endpoints);
  const sameMeta = sameValue(slice.metadata.labels, owner.labels);
  if (sameContent && sameMeta) return [];
  const metadata = {
    ...slice.metadata,
    labels: owner.labels,
    annotations: { ...slice.metadata.annotations, ...owner.annotations },
  };
  return [{ do: 'update', of: resources.endpointSlices, object: asObject({ ...slice, metadata, endpoints }) }];
}

function createSlice(
  owner: SliceOwner,
  group: EndpointGroup,
  endpoints: readonly Endpoint[],
  taken: Set<string>,
): Action {
  const base = owner.metadata.name;
  // The same state names the same slices: a repeated create is refused rather than doubled.
  const nameOf = (slot: number): string =>
    `${base}-${safeLetters(`${owner.reference.uid}/${groupKey(group.addressType, group.ports)}/${slot}`, SUFFIX_LENGTH)}`;
  let slot = 0;
  while (taken.has(nameOf(slot))) slot++;
  const name = nameOf(slot);
  taken.add(name);
  const object = asObject({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      generateName: `${base}-`,
      namespace: owner.metadata.namespace,
      labels: owner.labels,
      annotations: owner.annotations,
      ownerReferences: [owner.reference],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  });
  return { do: 'create', of: resources.endpointSlices, object };
}
