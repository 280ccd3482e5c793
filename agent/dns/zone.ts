// The records of the cluster's zone, from services and endpoint slices, by the Kubernetes DNS specification, schema version 1.1.0:
// https://github.com/kubernetes/dns/blob/master/docs/specification.md. Where it leaves a choice, CoreDNS's is taken, as users know it.
import type { Answer } from 'dns-packet';
import type { Service } from '../../core/api/types.gen.ts';
import type { NetworkObjects } from '../net/network-objects.ts';
import { isWanted, type PortWanted, publishedAddresses, publishedPorts } from './endpoints.ts';
import { isIpv4, labelsBelow } from './names.ts';
import type { ServiceIndex } from './service-index.ts';

/** Seconds: short, since pods come and go, and clients seldom keep answers anyway. */
export const ttl = 5;
const schemaVersion = '1.1.0';

export interface Zone {
  /** `cluster.local`, in lower case. */
  domain: string;
  /** The addresses that answer for it. */
  servers: readonly string[];
  objects: NetworkObjects;
  index: ServiceIndex;
}

type Data =
  | { type: 'A' | 'NS' | 'CNAME' | 'TXT'; data: string }
  | { type: 'SRV'; data: { priority: number; weight: number; port: number; target: string } }
  | { type: 'SOA'; data: ReturnType<typeof soaData> };

/** The serial never changes: nobody transfers this zone, and answers are gone after seconds. */
const soaData = (domain: string) => ({
  mname: `ns.dns.${domain}`,
  rname: `hostmaster.${domain}`,
  serial: 1,
  refresh: 7200,
  retry: 1800,
  expire: 86400,
  minimum: ttl,
});

/** What goes with a negative answer (RFC 2308). `zone`: whose name it bears. */
export const soaRecord = (domain: string, zone = domain): Answer => ({
  type: 'SOA',
  name: zone,
  class: 'IN',
  ttl,
  data: soaData(domain),
});

const addresses = (list: readonly string[]): Data[] => list.filter(isIpv4).map((data) => ({ type: 'A', data }));

const clusterAddresses = ({ spec }: Service): string[] => spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : []);

/** The records under one name, at least those of the type that is asked for. undefined: the name is not there (NXDOMAIN); empty: it is, with nothing (NODATA). */
function recordsOf(zone: Zone, labels: readonly string[], type: string): Data[] | undefined {
  const [kind, second, third] = labels;
  if (kind === undefined)
    return [
      { type: 'SOA', data: soaData(zone.domain) },
      { type: 'NS', data: `ns.dns.${zone.domain}` },
    ];
  if (kind === 'svc') return serviceRecords(zone, labels.slice(1), type);
  if (kind === 'pod' && labels.length <= 3) return third === undefined ? [] : podRecords(third);
  if (kind === 'dns-version' && second === undefined) return [{ type: 'TXT', data: schemaVersion }];
  if (kind === 'dns' && labels.length <= 2)
    return second === undefined ? [] : second === 'ns' ? addresses(zone.servers) : undefined;
  return undefined;
}

/**
 * Any address in any namespace, as CoreDNS has it by default (`pods insecure`): the node knows its own pods only, and to know
 * all of the cluster for a deprecated record would cost every sync call. It proves nothing about who has the address.
 */
function podRecords(label: string): Data[] | undefined {
  const address = label.replaceAll('-', '.');
  return label.includes('.') || !isIpv4(address) ? undefined : [{ type: 'A', data: address }];
}

function serviceRecords(zone: Zone, labels: readonly string[], type: string): Data[] | undefined {
  const [namespace, name, below, port] = labels;
  if (namespace === undefined) return [];
  if (name === undefined) return zone.index.hasNamespace(namespace) ? [] : undefined;
  const service = zone.objects.service(namespace, name);
  if (!service || labels.length > 4) return undefined;
  if (service.spec?.type === 'ExternalName') return below === undefined ? aliasRecords(service) : undefined;
  if (below === undefined) return atService(zone, service, type);
  if (!below.startsWith('_')) return port === undefined ? atHostname(zone, service, below) : undefined;
  const protocol = below.slice(1).toUpperCase();
  const found = portRecords(zone, service, { protocol, ...(port === undefined ? {} : { port: port.slice(1) }) });
  if (found.length === 0 || (port !== undefined && !port.startsWith('_'))) return undefined;
  return port === undefined ? [] : found;
}

/** The API takes names that DNS cannot carry: such a service has no records. */
function aliasRecords({ spec }: Service): Data[] {
  const target = (spec?.externalName ?? '').replace(/\.$/, '');
  const sound = target.length <= 253 && target.split('.').every(({ length }) => length >= 1 && length <= 63);
  return sound ? [{ type: 'CNAME', data: target }] : [];
}

const slicesOf = ({ objects }: Zone, { metadata }: Service) =>
  objects.slicesOf(metadata?.namespace ?? '', metadata?.name ?? '');

const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None';

/**
 * A headless service without a ready endpoint has no name, as the specification wants it. Asked for SRV, the service's own name
 * answers for all of its ports: not in the specification, but users of CoreDNS rely on it.
 */
function atService(zone: Zone, service: Service, type: string): Data[] | undefined {
  const list = isHeadless(service)
    ? publishedAddresses(service, slicesOf(zone, service)).map(({ address }) => address)
    : clusterAddresses(service);
  if (list.length === 0) return undefined;
  return type === 'SRV' ? portRecords(zone, service, {}) : addresses([...new Set(list)]);
}

function atHostname(zone: Zone, service: Service, hostname: string): Data[] | undefined {
  if (!isHeadless(service)) return undefined;
  const list = publishedAddresses(service, slicesOf(zone, service)).filter((one) => one.hostname === hostname);
  return list.length > 0 ? addresses(list.map(({ address }) => address)) : undefined;
}

function portRecords(zone: Zone, service: Service, wanted: PortWanted): Data[] {
  const name = `${service.metadata?.name}.${service.metadata?.namespace}.svc.${zone.domain}`;
  const targets = isHeadless(service)
    ? publishedPorts(service, slicesOf(zone, service), wanted).map(({ hostname, port }) => ({
        port,
        target: `${hostname}.${name}`,
      }))
    : (service.spec?.ports ?? []).filter((one) => isWanted(wanted, one)).map(({ port }) => ({ port, target: name }));
  const weight = Math.max(1, Math.floor(100 / Math.max(1, targets.length)));
  return targets.map((target) => ({ type: 'SRV', data: { priority: 0, weight, ...target } }));
}

export interface ZoneAnswer {
  /** NOERROR, or NXDOMAIN. */
  exists: boolean;
  /** None: negative. */
  records: Answer[];
  /** Where an alias leads, when the question was not for the alias itself. In lower case. */
  target?: string;
}

/**
 * The answer to a question, without the chain behind an alias. undefined: the name is outside the cluster's domain.
 * @param name in lower case
 * @param type as DNS names it: `A`, `SRV`
 */
export function answerInZone(zone: Zone, name: string, type: string): ZoneAnswer | undefined {
  const labels = labelsBelow(zone.domain, name);
  if (!labels) return undefined;
  const found = recordsOf(zone, labels, type);
  if (!found) return { exists: false, records: [] };
  const record = (data: Data): Answer => ({ name, class: 'IN', ttl, ...data }) as Answer;
  const alias = found.find((one) => one.type === 'CNAME');
  const records = found.filter((one) => one.type === type || type === 'ANY').map(record);
  if (!alias || type === 'CNAME' || type === 'ANY') return { exists: true, records };
  return { exists: true, records: [record(alias)], target: String(alias.data).toLowerCase() };
}
