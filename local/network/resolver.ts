// A machine whose resolver listens on loopback (systemd-resolved) cannot be asked from a node's namespace, where loopback is
// another one. containerd reads the machine's /etc/resolv.conf, so the node redirects that address to the servers behind it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOrFail } from '../run.ts';

/** What asks whom: resolv.conf(5) as the machine has it, and what systemd-resolved itself asks. */
const configured = '/etc/resolv.conf';
const behind = '/run/systemd/resolve/resolv.conf';

/** IPv4 name servers of a resolv.conf. */
export const nameServers = (text: string): string[] =>
  [...text.matchAll(/^nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$/gm)].map((match) => match[1]!);

const isLoopback = (address: string): boolean => address.startsWith('127.');

const read = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** undefined: nothing need be redirected, or there is nobody to redirect to. */
export function redirection(own = read(configured), upstream = read(behind)): { from: string; to: string } | undefined {
  const from = nameServers(own)[0];
  const to = nameServers(upstream).find((address) => !isLoopback(address));
  return from !== undefined && isLoopback(from) && to !== undefined ? { from, to } : undefined;
}

export const resolverTable = ({ from, to }: { from: string; to: string }): string =>
  `table ip slipway-resolver
delete table ip slipway-resolver
table ip slipway-resolver {
  chain out {
    type nat hook output priority -100
    ip daddr ${from} udp dport 53 dnat to ${to}:53
    ip daddr ${from} tcp dport 53 dnat to ${to}:53
  }
  chain post {
    type nat hook postrouting priority srcnat
    ip saddr 127.0.0.0/8 ip daddr ${to} masquerade
  }
}
`;

/** In the namespace of a node that has a way out. @param folder where the rules may be written */
export async function redirectResolver(namespace: string, folder: string, target = redirection()): Promise<void> {
  if (!target) return;
  const rules = join(folder, 'resolver.nft');
  writeFileSync(rules, resolverTable(target), { mode: 0o600 });
  const script = 'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet && exec nft -f "$1"';
  await runOrFail('nsenter', [`--net=/run/netns/${namespace}`, '/bin/sh', '-c', script, 'sh', rules]);
}
