// The way to pods of other nodes: a VXLAN link between the nodes' own addresses, with one route, one neighbour and one forwarding
// entry for each node. All of it follows from a node's address (pod-range.ts), so nothing is learnt, asked for or flooded.
// As data: lines for `ip -batch` and `bridge -batch`. docs/decisions/0013-pod-network-on-aws.md says why.
// VXLAN: RFC 7348; the way of flannel's backend of that name, https://github.com/flannel-io/flannel/blob/master/Documentation/backends.md
import { isIPv4 } from 'node:net';
import { gatewayOf, isWithin, podRangeOf } from '../pod-range.ts';

export const overlayLink = 'slipway-pods';
export const overlayPort = 4789;
const networkId = 1;
/** Outer Ethernet, IPv4, UDP and VXLAN headers. */
export const overlayBytes = 50;

export interface OverlayPlan {
  /** This node's own address. */
  address: string;
  /** Of all pods. */
  network: string;
  /** Where nodes stand: an address elsewhere is nobody's, whatever its node object says. */
  nodeBlocks: readonly string[];
  /** Of pods: the link's own, so many bytes less than the nodes' network takes. */
  mtu: number;
}

/** Locally administered; the same for everybody who computes it. */
export const macOf = (address: string): string =>
  ['02', '00', ...address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');

interface Link {
  ifname?: string;
  linkinfo?: { info_data?: { id?: number; local?: string; port?: number } };
}

/** `shown`: what `ip -j -d link show type vxlan` writes. A link that is as it should be goes on without a pause. */
export function linkBatch(plan: OverlayPlan, shown: string): string[] {
  const link = (JSON.parse(shown || '[]') as Link[]).find(({ ifname }) => ifname === overlayLink);
  const { id, local, port } = link?.linkinfo?.info_data ?? {};
  const isRight = id === networkId && local === plan.address && port === overlayPort;
  return [
    ...(link && !isRight ? [`link del ${overlayLink}`] : []),
    ...(isRight
      ? []
      : [
          `link add ${overlayLink} address ${macOf(plan.address)} type vxlan id ${networkId} local ${plan.address} dstport ${overlayPort} nolearning`,
        ]),
    `link set ${overlayLink} mtu ${plan.mtu} up`,
    // the node is to other nodes' pods what it is to its own: the first address of its range
    `address replace ${ownGateway(plan)}/32 dev ${overlayLink}`,
    // what no node has must not leave by the default route
    `route replace unreachable ${plan.network}`,
  ];
}

const ownGateway = ({ address, network }: OverlayPlan): string => gatewayOf(podRangeOf(address, network));

/** Addresses of the other nodes, each once, in order. */
export function peerAddresses(plan: OverlayPlan, peers: Iterable<{ address: string }>): string[] {
  const isNode = (address: string): boolean =>
    isIPv4(address) && address !== plan.address && isWithin(address, plan.nodeBlocks);
  return [...new Set([...peers].map(({ address }) => address).filter(isNode))].sort();
}

export interface PeerBatches {
  ip: string[];
  bridge: string[];
}

/** The forwarding entry goes first and comes last: a peer of which anything is there has one. */
export function addPeers(plan: OverlayPlan, addresses: readonly string[]): PeerBatches {
  return {
    bridge: addresses.map((address) => `fdb replace ${macOf(address)} dev ${overlayLink} self dst ${address}`),
    ip: addresses.flatMap((address) => {
      const range = podRangeOf(address, plan.network);
      const gateway = gatewayOf(range);
      return [
        `neigh replace ${gateway} lladdr ${macOf(address)} dev ${overlayLink} nud permanent`,
        `route replace ${range} via ${gateway} dev ${overlayLink} src ${ownGateway(plan)} onlink`,
      ];
    }),
  };
}

export function removePeers(plan: OverlayPlan, addresses: readonly string[]): PeerBatches {
  return {
    ip: addresses.flatMap((address) => {
      const range = podRangeOf(address, plan.network);
      return [`route del ${range} dev ${overlayLink}`, `neigh del ${gatewayOf(range)} dev ${overlayLink}`];
    }),
    bridge: addresses.map((address) => `fdb del ${macOf(address)} dev ${overlayLink} self dst ${address}`),
  };
}

/** Addresses of the peers that the kernel has: `shown` is what `bridge -j fdb show dev LINK` writes. */
export const standingPeers = (shown: string): string[] =>
  (JSON.parse(shown || '[]') as { dst?: string }[]).flatMap(({ dst }) => dst ?? []);
