// IP addresses and CIDRs: parsing and the findings that kube-apiserver makes of them.
import type { Findings } from './findings.ts';

/** 4 or 16 bytes. */
export type Address = readonly number[];

const ipv4Length = 4;
const ipv6Length = 16;

function parseIpv4(text: string): { address: Address; leadingZero: boolean } | undefined {
  const parts = text.split('.');
  if (parts.length !== ipv4Length || !parts.every((part) => /^\d+$/.test(part) && Number(part) <= 255))
    return undefined;
  return { address: parts.map(Number), leadingZero: parts.some((part) => part.length > 1 && part.startsWith('0')) };
}

function parseIpv6(text: string): Address | undefined {
  let source = text;
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (tail.includes('.')) {
    const embedded = parseIpv4(tail);
    if (!embedded) return undefined;
    const [a, b, c, d] = embedded.address as [number, number, number, number];
    source = `${text.slice(0, -tail.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const missing = 8 - groups.flat().length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...groups[0]!, ...Array<string>(halves.length === 1 ? 0 : missing).fill('0'), ...(groups[1] ?? [])];
  return all.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

const isMapped = (address: Address): boolean =>
  address.length === ipv6Length &&
  address.slice(0, 10).every((b) => b === 0) &&
  address[10] === 255 &&
  address[11] === 255;

interface Parsed {
  address: Address;
  leadingZero: boolean;
  mapped: boolean;
}

function parse(text: string): Parsed | undefined {
  if (!text.includes(':')) {
    const ipv4 = parseIpv4(text);
    return ipv4 && { ...ipv4, mapped: false };
  }
  const address = parseIpv6(text);
  if (!address) return undefined;
  const mapped = isMapped(address);
  return { address: mapped ? address.slice(12) : address, leadingZero: false, mapped };
}

/** The address of its bytes; undefined for what is none. An IPv4 address mapped into IPv6 is an IPv4 address. */
export const parseAddress = (text: string): Address | undefined => parse(text)?.address;

export const isIpv6 = (text: string): boolean => parseAddress(text)?.length === ipv6Length;

/** RFC 5952 for IPv6. */
export function formatAddress(address: Address): string {
  if (address.length === ipv4Length) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

/** Any notation without leading zeros; `canonical` demands the one notation of RFC 5952. False when something was found. */
export function checkIp(found: Findings, field: string, value: string, canonical = false): boolean {
  const before = found.errors.length;
  const parsed = parse(value);
  if (!parsed) found.invalid(field, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  else if (parsed.leadingZero) found.invalid(field, value, 'must not have leading 0s');
  else if (parsed.mapped) found.invalid(field, value, 'must not be an IPv4-mapped IPv6 address');
  else if (canonical && formatAddress(parsed.address) !== value) {
    found.invalid(field, value, `must be in canonical form ("${formatAddress(parsed.address)}")`);
  }
  return found.errors.length === before;
}

export interface Cidr {
  address: Address;
  prefix: number;
}

export function parseCidr(value: string): Cidr | undefined {
  const slash = value.lastIndexOf('/');
  const parsed = parse(value.slice(0, slash));
  const prefix = Number(value.slice(slash + 1));
  if (slash < 0 || !parsed || !/^\d+$/.test(value.slice(slash + 1)) || prefix > parsed.address.length * 8)
    return undefined;
  return { address: parsed.address, prefix };
}

/** The address with the bits beyond the prefix cleared. */
export const networkOf = ({ address, prefix }: Cidr): Address =>
  address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))) & 0xff);

export const formatCidr = (cidr: Cidr): string => `${formatAddress(networkOf(cidr))}/${cidr.prefix}`;

export function checkCidr(found: Findings, field: string, value: string, canonical = false): boolean {
  const before = found.errors.length;
  const cidr = parseCidr(value);
  const parsed = parse(value.slice(0, value.lastIndexOf('/')));
  if (!cidr || !parsed) {
    found.invalid(field, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
  } else if (parsed.leadingZero || /\/0\d/.test(value)) {
    found.invalid(field, value, 'must not have leading 0s in IP or prefix length');
  } else if (parsed.mapped) found.invalid(field, value, 'must not have an IPv4-mapped IPv6 address');
  else if (networkOf(cidr).some((byte, i) => byte !== cidr.address[i])) {
    found.invalid(field, value, 'must not have bits set beyond the prefix length');
  } else if (canonical && formatCidr(cidr) !== value) {
    found.invalid(field, value, `must be in canonical form ("${formatCidr(cidr)}")`);
  }
  return found.errors.length === before;
}
