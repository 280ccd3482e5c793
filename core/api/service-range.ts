// Addresses of the service range that are given by their place in it.

/** The `place`th address of an IPv4 range, its network not counted. Throws an Error for what is no such range, or too small a one. */
function addressAt(cidr: string, place: number): string {
  const [network = '', bits = '32'] = cidr.split('/');
  const octets = network.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) {
    throw new Error(`"${cidr}" is not an IPv4 range`);
  }
  const size = 2 ** (32 - Number(bits));
  if (place >= size) throw new Error(`"${cidr}" has no ${place} addresses`);
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const address = Math.floor(number / size) * size + place;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The first address, which the service `kubernetes` has: 10.96.0.1 of 10.96.0.0/12. */
export const firstAddress = (cidr: string): string => addressAt(cidr, 1);

/** The tenth, on which every node answers DNS: where Kubernetes clusters have it by habit. */
export const dnsAddress = (cidr: string): string => addressAt(cidr, 10);
