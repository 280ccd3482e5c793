// Cluster addresses of services: one IPAddress object for each that is in use.
// Follows https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
import { type FieldError, StatusError } from '../api/errors.ts';
import { goJson, invalidValue } from '../api/field-errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Service } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import { type Claim, claim, randomBelow, unclaim } from './claims.ts';
import type { ApiServerDeps } from './server.ts';

const resource = 'ipaddresses.networking.k8s.io';
export const defaultServiceCidr = '10.96.0.0/16';

interface Range {
  first: number;
  /** Addresses that may be given, network and broadcast addresses excluded. */
  size: number;
}

const addressPattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** undefined: not an IPv4 address. */
export function parseIpv4(text: string): number | undefined {
  const parts = addressPattern.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((value, part) => value * 256 + part, 0);
}

const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

function rangeOf(deps: ApiServerDeps): Range {
  const cidr = deps.services?.cidr ?? defaultServiceCidr;
  const [address = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const network = Math.floor(parseIpv4(address)! / size) * size;
  return { first: network + 1, size: size - 2 };
}

function claimOf(deps: ApiServerDeps, service: KubeObject, address: string): Claim {
  const { name = '', namespace = '' } = service.metadata;
  const object: KubeObject = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      uid: deps.ids.uuid(),
      creationTimestamp: timestamp(deps.clock.now()),
      generation: 1,
      labels: {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    },
    spec: { parentRef: { resource: 'services', name, namespace } },
  };
  return { resource, name: address, object };
}

interface Parent {
  name: string;
  namespace: string;
}

const parentOf = (address: KubeObject): Parent => (address['spec'] as { parentRef: Parent }).parentRef;

async function isHeld(deps: ApiServerDeps, address: KubeObject): Promise<boolean> {
  const { name, namespace } = parentOf(address);
  const service = (await deps.store.get('services', { namespace, name }))?.object as Service | undefined;
  return service?.spec?.clusterIPs?.includes(address.metadata.name ?? '') ?? false;
}

const refusal = (addresses: readonly string[], why: string): FieldError => ({
  ...invalidValue('spec.clusterIPs', '', ''),
  message: `Invalid value: ${goJson(addresses)}: failed to allocate IP ${why}`,
});

/** Claims the address that the service asks for. Returns what is wrong with it. */
export async function claimAddress(
  deps: ApiServerDeps,
  service: KubeObject,
  address: string,
  dryRun: boolean,
): Promise<FieldError | undefined> {
  const range = rangeOf(deps);
  const value = parseIpv4(address);
  if (value === undefined || value < range.first || value >= range.first + range.size) {
    return refusal([address], `${address}: the provided network does not match the current range`);
  }
  const held = (object: KubeObject): Promise<boolean> => isHeld(deps, object);
  const free = dryRun
    ? !(await deps.store.get(resource, { namespace: '', name: address }))
    : await claim(deps, claimOf(deps, service, address), held);
  return free ? undefined : refusal([address], `${address}: provided IP is already allocated`);
}

/** Claims any free address; the lower part of the range is left to those who choose their own. Throws InternalError when all are taken. */
export async function claimAnyAddress(deps: ApiServerDeps, service: KubeObject, dryRun: boolean): Promise<string> {
  const range = rangeOf(deps);
  const reserved = Math.min(Math.max(16, Math.floor(range.size / 16)), 256);
  const low = range.size > 2 * reserved ? reserved : 1;
  const start = randomBelow(deps, range.size - low);
  const held = (object: KubeObject): Promise<boolean> => isHeld(deps, object);
  for (let tried = 0; tried < range.size; tried++) {
    // From a random place in the upper part to its end, round to its beginning, then through the lower part.
    const upper = range.size - low;
    const offset = tried < upper ? low + ((start + tried) % upper) : range.size - 1 - tried;
    if (offset === 0) continue;
    const address = formatIpv4(range.first + offset);
    const taken = await deps.store.get(resource, { namespace: '', name: address });
    if (taken && (await held(taken.object))) continue;
    if (dryRun || (await claim(deps, claimOf(deps, service, address), held))) return address;
  }
  throw new StatusError('InternalError', `failed to allocate a serviceIP: range is full`);
}

export async function releaseAddress(deps: ApiServerDeps, service: KubeObject, address: string): Promise<void> {
  const { name, namespace } = service.metadata;
  await unclaim(deps, resource, address, (object) => {
    const parent = parentOf(object);
    return parent.name === name && parent.namespace === namespace;
  });
}
