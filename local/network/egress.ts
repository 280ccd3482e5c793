// The way out of a cluster, through the machine: masquerading, forwarding, and default routes in the nodes.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, runOrFail } from '../run.ts';
import { runBatch } from './network.ts';
import { redirectResolver } from './resolver.ts';
import { defaultRoute, egressTable, type Network } from './topology.ts';

const forwarding = '/proc/sys/net/ipv4/ip_forward';
/** Under /run/slipway: what ip_forward was before the first cluster with a way out came up. */
const before = '/run/slipway/ip_forward';

export interface EgressOf {
  /** Name of the nft table. */
  table: string;
  /** The cluster's folder under /run/slipway, where a marker says that it has a way out. */
  run: string;
}

/** The table's rules; they are there as long as the way out is. */
const markerOf = (of: EgressOf): string => join(of.run, 'egress.nft');

/** Opens or closes it on a network that is up, as `network.egress` says. */
export async function setEgress(of: EgressOf, network: Network): Promise<void> {
  await removeEgress(of);
  await Promise.all(
    network.nodes.map((node) => runBatch(['-n', node.namespace], [defaultRoute(network.plan, network.egress)])),
  );
  if (!network.egress) return;
  // a file: nft refuses a standard input that is a socket, as a child of Node gets
  const rules = markerOf(of);
  writeFileSync(rules, egressTable(of.table, network.plan), { mode: 0o600 });
  await runOrFail('nft', ['-f', rules]);
  await Promise.all(network.nodes.map((node) => redirectResolver(node.namespace, of.run)));
  const value = readFileSync(forwarding, 'utf8').trim();
  if (value !== '1') {
    writeFileSync(before, value);
    writeFileSync(forwarding, '1');
  }
}

/**
 * Makes the table again where it is gone from a network with a way out, as `nft flush ruleset` leaves it: many firewalls begin so when
 * they are loaded. Returns whether it was.
 */
export async function restoreEgress(of: EgressOf): Promise<boolean> {
  const rules = markerOf(of);
  if (!existsSync(rules) || (await run('nft', ['list', 'table', 'ip', of.table])).code === 0) return false;
  await runOrFail('nft', ['-f', rules]);
  return true;
}

/** Takes the table away, and forwarding too when this was the last cluster that needed it. */
export async function removeEgress(of: EgressOf): Promise<void> {
  const marker = markerOf(of);
  if (!existsSync(marker)) return;
  await run('nft', ['delete', 'table', 'ip', of.table]);
  rmSync(marker);
  const others = readdirSync('/run/slipway').some((cluster) => existsSync(`/run/slipway/${cluster}/egress.nft`));
  if (others || !existsSync(before)) return;
  writeFileSync(forwarding, readFileSync(before, 'utf8'));
  rmSync(before);
}
