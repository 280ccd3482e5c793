// Which endpoints of a headless service have records, under which host names, with which ports.
import type { EndpointSlice, Service } from '../../core/api/types.gen.ts';

export interface PublishedAddress {
  address: string;
  /** The endpoint's own, or its address with dashes: a name that the specification leaves to us; CoreDNS has the same. */
  hostname: string;
}

export interface PublishedPort extends PublishedAddress {
  port: number;
}

const dashed = (address: string): string => address.replaceAll('.', '-');

/** IPv4 only. Ready ones, or all of a service that publishes the others too; an unknown readiness counts as ready. */
function* published(service: Service, slice: EndpointSlice): Generator<PublishedAddress> {
  if (slice.addressType !== 'IPv4') return;
  for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
    if (conditions?.ready === false && !service.spec?.publishNotReadyAddresses) continue;
    for (const address of addresses) yield { address, hostname: hostname?.toLowerCase() || dashed(address) };
  }
}

/** Each once, though an endpoint that moves from one slice to another may be in both. */
export function publishedAddresses(service: Service, slices: readonly EndpointSlice[]): PublishedAddress[] {
  const found = new Map<string, PublishedAddress>();
  for (const slice of slices)
    for (const one of published(service, slice)) found.set(`${one.address} ${one.hostname}`, one);
  return [...found.values()];
}

export interface PortWanted {
  /** Lower case; undefined: every port that has a name. */
  port?: string;
  /** `TCP`. */
  protocol?: string;
}

export const isWanted = ({ port, protocol }: PortWanted, of: { name?: string; protocol?: string }): boolean =>
  Boolean(of.name) &&
  (port === undefined || of.name?.toLowerCase() === port) &&
  (protocol === undefined || (of.protocol ?? 'TCP') === protocol);

/** Endpoints with the numbers that the wanted ports have there. */
export function publishedPorts(
  service: Service,
  slices: readonly EndpointSlice[],
  wanted: PortWanted,
): PublishedPort[] {
  const found = new Map<string, PublishedPort>();
  for (const slice of slices) {
    const ports = (slice.ports ?? []).flatMap((one) => (isWanted(wanted, one) && one.port ? [one.port] : []));
    if (ports.length === 0) continue;
    for (const one of published(service, slice))
      for (const port of ports) found.set(`${one.address} ${one.hostname} ${port}`, { ...one, port });
  }
  return [...found.values()];
}
