// Addresses of the service range.

/** The first address of an IPv4 range, which the `kubernetes` service has: 10.96.0.1 of 10.96.0.0/12. */
export function firstAddress(cidr: string): string {
  const [network = '', bits = '32'] = cidr.split('/');
  const octets = network.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) {
    throw new Error(`"${cidr}" is not an IPv4 range`);
  }
  const mask = 2 ** (32 - Number(bits));
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const first = Math.floor(number / mask) * mask + 1;
  return [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
}
