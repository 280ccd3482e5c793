// Which addresses the pods of a worker get: worked out from the instance's own address, so that nobody has to hand them out and
// no two workers of a VPC share any. The last 16 bits of the address count off pieces of 64 addresses in a /10.
// docs/decisions/0007-worker-network.md says why.
import { podAddressBits } from '../../aws/worker-capacity.ts';

const networkBits = 10;

export const defaultPodNetwork = '100.64.0.0/10';

interface Block {
  first: number;
  bits: number;
}

/** Throws RangeError for what is no IPv4 block. */
function parseBlock(text: string): Block {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const bits = Number(match?.[5] ?? 32);
  if (!match || octets.some((octet) => octet > 255) || bits > 32)
    throw new RangeError(`"${text}" is no IPv4 address or block`);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { first: address - (address % 2 ** (32 - bits)), bits };
}

const last = ({ first, bits }: Block): number => first + 2 ** (32 - bits) - 1;
const overlap = (a: Block, b: Block): boolean => a.first <= last(b) && b.first <= last(a);

const dotted = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** `10.0.1.23` -> `100.64.69.192/26`. Throws RangeError for a network that is no /10. */
export function podRangeOf(address: string, network = defaultPodNetwork): string {
  const whole = parseBlock(network);
  if (whole.bits !== networkBits) throw new RangeError(`the pod network must be a /${networkBits}, not ${network}`);
  const index = parseBlock(address).first % 2 ** 16;
  return `${dotted(whole.first + index * 2 ** podAddressBits)}/${32 - podAddressBits}`;
}

/** First address of a range, which the node's end of the pods' bridge has: `100.64.69.192/26` -> `100.64.69.193`. */
export const gatewayOf = (range: string): string => dotted(parseBlock(range).first + 1);

/** Throws RangeError for what is no address or block. */
export const isWithin = (address: string, blocks: readonly string[]): boolean =>
  blocks.some((block) => overlap(parseBlock(block), parseBlock(address)));

/** Why pods cannot have addresses of this network in a VPC with these blocks; undefined: they can. */
export function podNetworkObjection(vpcBlocks: readonly string[], network = defaultPodNetwork): string | undefined {
  const blocks = vpcBlocks.map((text) => ({ text, block: parseBlock(text) }));
  const pods = parseBlock(network);
  const taken = blocks.find(({ block }) => overlap(block, pods));
  if (taken)
    return `the pod network ${network} overlaps the VPC's block ${taken.text}: choose another /10 (podNetwork)`;
  const lower = ({ first, bits }: Block): Block => ({ first: first % 2 ** 16, bits });
  for (const [i, a] of blocks.entries()) {
    const twin = blocks.slice(i + 1).find((b) => overlap(lower(a.block), lower(b.block)));
    if (twin) {
      return `the VPC's blocks ${a.text} and ${twin.text} have the same last 16 bits, from which pod ranges are worked out: workers must stand in a VPC where they differ`;
    }
  }
  return undefined;
}
