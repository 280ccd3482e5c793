// The commands that make a cluster's network, as data.
//
//   machine ── slipwayI ═ uplink ─┐ "fabric" namespace: one bridge ┌─ eth0: namespace of node 1 ── cni0 ── pods
//                                 └─────────── br0 ───────────────┴─ eth0: namespace of node 2 ── cni0 ── pods
//
// The bridge stands in a namespace of its own, so that firewall rules of the machine (Docker's, say) never see what nodes
// say to each other, and the machine shows a single link. Nodes route to each other's pods; nothing is encapsulated.
import { type AddressPlan, nodeAddress, podRange } from './addresses.ts';

export interface NetworkNode {
  number: number;
  namespace: string;
}

export interface Network {
  plan: AddressPlan;
  /** Namespace of the bridge. */
  fabric: string;
  nodes: readonly NetworkNode[];
  egress: boolean;
}

export const hostLink = (plan: AddressPlan): string => `slipway${plan.index}`;

/**
 * The hardware address of the machine's link, from its IPv4 address, in the range for addresses of one's own. One that is given stays:
 * udev gives others to links while they are in use already (systemd.link(5), MACAddressPolicy), and nodes would know the one before.
 */
const hostAddress = (plan: AddressPlan): string =>
  ['02', '00', ...plan.gateway.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');

/** Lines for `ip -batch` in the machine's own namespace: all namespaces and cables, and the machine's way into them. */
export const machineBatch = (network: Network): string[] => [
  `netns add ${network.fabric}`,
  ...network.nodes.map((node) => `netns add ${node.namespace}`),
  ...network.nodes.map((node) => nodeCable(node, network.fabric)),
  ...linkBatch(network),
];

/** The machine's link, and the routes to nodes, pods and services. */
export function linkBatch({ plan, fabric, nodes }: Network): string[] {
  const link = hostLink(plan);
  return [
    `link add ${link} address ${hostAddress(plan)} type veth peer name uplink netns ${fabric}`,
    `addr add ${plan.gateway}/24 dev ${link}`,
    `link set ${link} up`,
    // what no node has must not leave through the machine's default route
    `route replace unreachable ${plan.cluster}`,
    `route replace unreachable ${plan.services}`,
    ...nodes.map((node) => podRoute(plan, node)),
  ];
}

export const nodeCable = (node: NetworkNode, fabric: string): string =>
  `link add eth0 netns ${node.namespace} type veth peer name ${fabricPortName(node)} netns ${fabric}`;

export const podRoute = (plan: AddressPlan, node: NetworkNode): string =>
  `route add ${podRange(plan, node.number)} via ${nodeAddress(plan, node.number)}`;

export const uplinkPort = 'link set uplink master br0 up';

/** In the fabric's namespace. */
export const fabricBatch = ({ nodes }: Network): string[] => [
  'link set lo up',
  'link add br0 type bridge forward_delay 0',
  'link set br0 up',
  uplinkPort,
  ...nodes.map(fabricPort),
];

export const fabricPort = (node: NetworkNode): string => `link set ${fabricPortName(node)} master br0 up`;

export const fabricPortName = ({ number }: NetworkNode): string => `node${number}`;

/** In one node's namespace. */
export function nodeBatch({ plan, nodes, egress }: Network, node: NetworkNode): string[] {
  return [
    'link set lo up',
    `addr add ${nodeAddress(plan, node.number)}/24 dev eth0`,
    'link set eth0 up',
    `route add unreachable ${plan.cluster}`,
    // A connection that begins on the node needs a route, and a source address, before its packets come to the rules that send
    // them to an endpoint. What is no service never goes this way: the rules refuse it, and nobody on the bridge has its address.
    `route add ${plan.services} dev eth0 src ${nodeAddress(plan, node.number)}`,
    defaultRoute(plan, egress),
    ...nodes.filter((other) => other.number !== node.number).map((other) => podRoute(plan, other)),
  ];
}

/** Without egress a connection to the outside fails at once ("no route to host") and does not hang. */
export const defaultRoute = (plan: AddressPlan, egress: boolean): string =>
  egress ? `route replace default via ${plan.gateway}` : 'route replace unreachable default';

/** What `nft -f` reads: masquerade what leaves the machine for elsewhere. */
export const egressTable = (table: string, plan: AddressPlan): string =>
  `table ip ${table} {
  chain post {
    type nat hook postrouting priority srcnat
    ip saddr ${plan.cluster} ip daddr != { ${plan.cluster}, ${plan.services} } masquerade
  }
}
`;

/** Written inside a node's namespace, before its containerd starts. Files that this kernel lacks are left out. */
export const nodeSysctls: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '1',
  // service rules must see what pods of one node say to each other over the bridge
  'net/bridge/bridge-nf-call-iptables': '1',
  // a packet for a service may come back by another way than it went
  'net/ipv4/conf/all/rp_filter': '0',
  'net/ipv4/conf/default/rp_filter': '0',
};
