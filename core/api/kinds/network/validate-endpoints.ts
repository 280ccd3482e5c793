// Endpoints and endpoint slices.
import type { FieldError } from '../../errors.ts';
import { dns1123Label, dns1123Subdomain, labelValue, portNumber, qualifiedName } from '../../names.ts';
import type {
  CoreV1EndpointPort,
  Endpoint,
  EndpointAddress,
  EndpointHints,
  EndpointSlice,
  Endpoints,
} from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { checkIp, isIpv6 } from '../ip.ts';
import { validateLabels } from '../object-meta.ts';
import { protocols } from '../pod/validate-containers.ts';
import { checkEndpointIp } from './endpoint-ip.ts';

const maxPorts = 20_000;
const maxEndpoints = 1000;
const maxAddresses = 100;
const maxTopologyLabels = 16;
const maxHints = 8;
const addressTypes = ['FQDN', 'IPv4', 'IPv6'];

function validateAddress(found: Findings, field: string, address: EndpointAddress): void {
  const ip = address.ip ?? '';
  checkIp(found, `${field}.ip`, ip);
  if (address.hostname) found.invalid(`${field}.hostname`, address.hostname, dns1123Label(address.hostname));
  if (address.nodeName !== undefined)
    found.invalid(`${field}.nodeName`, address.nodeName, dns1123Subdomain(address.nodeName));
  checkEndpointIp(found, `${field}.ip`, ip);
}

function validatePort(found: Findings, field: string, port: CoreV1EndpointPort, named: boolean): void {
  if (!port.name) {
    if (named) found.required(`${field}.name`);
  } else found.invalid(`${field}.name`, port.name, dns1123Label(port.name));
  found.invalid(`${field}.port`, port.port ?? 0, portNumber(port.port ?? 0));
  found.oneOf(`${field}.protocol`, port.protocol, protocols);
  if (port.appProtocol !== undefined)
    found.invalid(`${field}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
}

export function validateEndpoints(endpoints: Endpoints): FieldError[] {
  const found = new Findings();
  for (const [i, { addresses = [], notReadyAddresses = [], ports = [] }] of (endpoints.subsets ?? []).entries()) {
    const at = `subsets[${i}]`;
    if (addresses.length + notReadyAddresses.length === 0) {
      found.required(at, 'must specify `addresses` or `notReadyAddresses`');
    }
    for (const [j, address] of addresses.entries()) validateAddress(found, `${at}.addresses[${j}]`, address);
    for (const [j, address] of notReadyAddresses.entries())
      validateAddress(found, `${at}.notReadyAddresses[${j}]`, address);
    for (const [j, port] of ports.entries()) validatePort(found, `${at}.ports[${j}]`, port, ports.length > 1);
  }
  return found.errors;
}

/** What has not changed is not held against the caller. */
export const validateEndpointsUpdate = (endpoints: Endpoints, old: Endpoints): FieldError[] =>
  sameValue(endpoints.subsets, old.subsets) ? [] : validateEndpoints(endpoints);

function validateDomainName(found: Findings, field: string, name: string): void {
  const plain = name.replace(/\.$/, '');
  const errors = dns1123Subdomain(plain);
  if (!name) found.required(field);
  else if (errors.length > 0) found.invalid(field, plain, errors.join(','));
  else if (!plain.includes('.')) {
    found.invalid(field, plain, 'should be a domain with at least two segments separated by dots');
  } else for (const label of plain.split('.')) found.invalid(field, label, dns1123Label(label));
}

function validateSliceAddress(found: Findings, field: string, index: number, address: string, type: string): void {
  const at = `${field}[${index}]`;
  if (type === 'FQDN') validateDomainName(found, at, address);
  else if (type === 'IPv4' || type === 'IPv6') {
    if (!checkIp(found, at, address, type === 'IPv6')) return;
    if (isIpv6(address) !== (type === 'IPv6')) found.invalid(field, address, `must be an ${type} address`);
    checkEndpointIp(found, at, address);
  }
}

function validateHints(found: Findings, field: string, hints: EndpointHints): void {
  for (const [name, rule] of [
    ['forZones', labelValue],
    ['forNodes', dns1123Subdomain],
  ] as const) {
    const list = hints[name] ?? [];
    if (list.length > maxHints) {
      found.tooMany(`${field}.${name}`, list.length, maxHints);
      return;
    }
    const seen = new Set<string>();
    for (const [i, hint] of list.entries()) {
      const at = `${field}.${name}[${i}].name`;
      if (seen.has(hint.name)) found.duplicate(at, hint.name);
      seen.add(hint.name);
      found.invalid(at, hint.name, rule(hint.name));
    }
  }
}

function validateEndpoint(found: Findings, field: string, endpoint: Endpoint, type: string): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) found.required(`${field}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > maxAddresses) found.tooMany(`${field}.addresses`, addresses.length, maxAddresses);
  for (const [i, address] of addresses.entries()) validateSliceAddress(found, `${field}.addresses`, i, address, type);
  if (endpoint.nodeName !== undefined)
    found.invalid(`${field}.nodeName`, endpoint.nodeName, dns1123Subdomain(endpoint.nodeName));
  const topology = endpoint.deprecatedTopology ?? {};
  const size = Object.keys(topology).length;
  if (size > maxTopologyLabels) found.tooMany(`${field}.deprecatedTopology`, size, maxTopologyLabels);
  validateLabels(found, `${field}.deprecatedTopology`, topology);
  if (endpoint.hostname !== undefined)
    found.invalid(`${field}.hostname`, endpoint.hostname, dns1123Label(endpoint.hostname));
  if (endpoint.hints) validateHints(found, `${field}.hints`, endpoint.hints);
}

function validateSlicePorts(found: Findings, slice: EndpointSlice): void {
  const ports = slice.ports ?? [];
  if (ports.length > maxPorts) {
    found.tooMany('ports', ports.length, maxPorts);
    return;
  }
  const names = new Set<string>();
  for (const [i, { name = '', protocol, appProtocol }] of ports.entries()) {
    const at = `ports[${i}]`;
    if (name) found.invalid(`${at}.name`, name, dns1123Label(name));
    if (names.has(name)) found.duplicate(`${at}.name`, name);
    names.add(name);
    found.oneOf(`${at}.protocol`, protocol, protocols);
    if (appProtocol !== undefined) found.invalid(`${at}.appProtocol`, appProtocol, qualifiedName(appProtocol));
  }
}

export function validateEndpointSlice(slice: EndpointSlice): FieldError[] {
  const found = new Findings();
  found.oneOf('addressType', slice.addressType, addressTypes);
  validateSlicePorts(found, slice);
  const endpoints = slice.endpoints ?? [];
  if (endpoints.length > maxEndpoints) found.tooMany('endpoints', endpoints.length, maxEndpoints);
  else
    for (const [i, endpoint] of endpoints.entries())
      validateEndpoint(found, `endpoints[${i}]`, endpoint, slice.addressType);
  return found.errors;
}

export function validateEndpointSliceUpdate(slice: EndpointSlice, old: EndpointSlice): FieldError[] {
  const found = new Findings();
  const same = sameValue(slice.endpoints, old.endpoints);
  found.add(validateEndpointSlice(same ? { ...slice, endpoints: [] } : slice));
  found.unchanged('addressType', slice.addressType, old.addressType);
  return found.errors;
}
