// The fixed part of the nftables table that sends packets for services to endpoints: its maps and base chains. What services add
// are elements of the maps and chains of their own (service-rules.ts).
// Behaviour follows kube-proxy's nftables mode: https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-nftables
import type { NodePlace } from './targets.ts';

export const tableName = 'slipway-services';

/** The maps and sets that services add elements to. */
export const collections = {
  /** `address . protocol . port` -> what becomes of a connection: cluster IPs, external IPs, addresses of load balancers. */
  servicePorts: 'service-ports',
  /** `protocol . port` on the node's own address. */
  nodePorts: 'node-ports',
  /** Cluster IPs: their other ports are refused. */
  clusterAddresses: 'cluster-addresses',
  /** Number of an endpoint (pools.ts) -> `address . port`. */
  endpoints: 'endpoints',
  /** `endpoint . endpoint`: a pod that reached itself through its service, whose answer must come back through here. */
  hairpin: 'hairpin',
} as const;

/** Chains that services' rules go on to. */
export const refuse = 'refuse';
export const masquerade = 'mark-for-masquerade';
/** Sends a connection to the endpoint whose number is its mark. */
export const toEndpoint = 'to-endpoint';

export interface NodeNetwork extends NodePlace {
  /** The node's own address: what node ports are open on. */
  address: string;
  /** Of this node's pods. */
  podRange: string | undefined;
  /** All of it that is no service is refused; undefined where the node does not know it. */
  serviceRange: string | undefined;
}

/** A bit of the packet's mark between the chains and postrouting, the one that kube-proxy uses. */
const bit = '0x4000';

/** Makes the table anew in one transaction, whatever stood there; rules of services are to follow in the same file. */
export function freshTable({ address, podRange, serviceRange }: NodeNetwork): string[] {
  const { servicePorts, nodePorts, clusterAddresses, endpoints, hairpin } = collections;
  // who is no pod of this node and not the node itself was routed here from outside: answers must come back through here
  const outside = `${podRange ? `ip saddr != ${podRange} ` : ''}fib saddr type != local`;
  return [
    `table ip ${tableName}`,
    `delete table ip ${tableName}`,
    `table ip ${tableName} {`,
    `  map ${servicePorts} { type ipv4_addr . inet_proto . inet_service : verdict; }`,
    `  map ${nodePorts} { type inet_proto . inet_service : verdict; }`,
    `  set ${clusterAddresses} { type ipv4_addr; }`,
    `  map ${endpoints} { type mark : ipv4_addr . inet_service; }`,
    `  set ${hairpin} { type ipv4_addr . ipv4_addr; }`,
    `  chain ${refuse} {`,
    // the kernel sends few ICMP messages a second to one address, and any number of resets
    '    meta l4proto tcp reject with tcp reset',
    '    reject',
    '  }',
    `  chain ${masquerade} {`,
    `    meta mark set meta mark or ${bit}`,
    '  }',
    `  chain ${toEndpoint} {`,
    ...['tcp', 'udp', 'sctp'].map((protocol) => `    meta l4proto ${protocol} dnat ip to ct mark map @${endpoints}`),
    '  }',
    '  chain services {',
    `    ip daddr @${clusterAddresses} ${outside} jump ${masquerade}`,
    `    ip daddr . meta l4proto . th dport vmap @${servicePorts}`,
    `    ip daddr ${address} meta l4proto . th dport vmap @${nodePorts}`,
    `    ip daddr @${clusterAddresses} goto ${refuse}`,
    // an address of the range that the node itself answers to is none of ours
    ...(serviceRange ? [`    ip daddr ${serviceRange} fib daddr type != local reject with icmp host-unreachable`] : []),
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority dstnat; policy accept;',
    '    jump services',
    '  }',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    '    jump services',
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    meta mark and ${bit} == ${bit} meta mark set meta mark xor ${bit} masquerade fully-random`,
    `    ip saddr . ip daddr @${hairpin} masquerade fully-random`,
    '  }',
    '}',
  ];
}
