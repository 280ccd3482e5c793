// Names of the cluster's zones: what lies below the cluster's domain, and reverse names of addresses (RFC 1035, section 3.5).

/** Labels below the domain, the nearest to it first: `web.default.svc.cluster.local` -> [svc, default, web]. undefined: elsewhere. */
export function labelsBelow(domain: string, name: string): string[] | undefined {
  if (name === domain) return [];
  return name.endsWith(`.${domain}`)
    ? name
        .slice(0, -domain.length - 1)
        .split('.')
        .reverse()
    : undefined;
}

const suffix = '.in-addr.arpa';
const octet = /^(0|[1-9]\d{0,2})$/;

/** The octets that a reverse name holds, in the order of an address; fewer than four for what lies above addresses. */
export function reverseOctets(name: string): number[] | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const labels = name.slice(0, -suffix.length).split('.').reverse();
  if (labels.length > 4 || labels.some((label) => !octet.test(label) || Number(label) > 255)) return undefined;
  return labels.map(Number);
}

export interface AddressRange {
  first: number;
  last: number;
  /** The zone that its reverse names are said to be in: whole octets of its prefix. */
  zone: string;
}

const number = (octets: readonly number[]): number => octets.reduce((sum, value) => sum * 256 + value, 0);

/** `10.64.0.0/16`. Throws an Error for what is no IPv4 range. */
export function addressRange(cidr: string): AddressRange {
  const [address = '', prefix = '32'] = cidr.split('/');
  const octets = address.split('.');
  const bits = Number(prefix);
  if (octets.length !== 4 || octets.some((o) => !octet.test(o) || Number(o) > 255) || !(bits >= 0 && bits <= 32))
    throw new Error(`"${cidr}" is no IPv4 range`);
  const size = 2 ** (32 - bits);
  const first = Math.floor(number(octets.map(Number)) / size) * size;
  const whole = octets.slice(0, Math.floor(bits / 8)).reverse();
  return { first, last: first + size - 1, zone: [...whole, suffix.slice(1)].join('.') };
}

/** The range that holds every address below these octets. */
export function rangeOf(ranges: readonly AddressRange[], octets: readonly number[]): AddressRange | undefined {
  const size = 256 ** (4 - octets.length);
  const first = number(octets) * size;
  return ranges.find((range) => range.first <= first && first + size - 1 <= range.last);
}

export const isIpv4 = (text: string): boolean => {
  const octets = text.split('.');
  return octets.length === 4 && octets.every((one) => octet.test(one) && Number(one) <= 255);
};
