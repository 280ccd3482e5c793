// Makes and removes a cluster's network. All the work is done by a handful of `ip -batch` calls, since each process costs milliseconds.
import { existsSync, readdirSync } from 'node:fs';
import { Failure } from '../failure.ts';
import { run, runOrFail } from '../run.ts';
import type { AddressPlan } from './addresses.ts';
import {
  fabricBatch,
  fabricPort,
  fabricPortName,
  hostLink,
  linkBatch,
  machineBatch,
  type Network,
  type NetworkNode,
  nodeBatch,
  nodeCable,
  podRoute,
  uplinkPort,
} from './topology.ts';

/** Destinations of the machine's IPv4 routes that are not the default route, those through `except` left out. */
export async function machineRoutes(except?: string): Promise<string[]> {
  const routes = JSON.parse(await runOrFail('ip', ['-j', '-4', 'route', 'show', 'table', 'all'])) as {
    dst: string;
    dev?: string;
    type?: string;
  }[];
  return routes
    .filter(
      (route) =>
        route.dst !== 'default' && route.type !== 'local' && route.type !== 'broadcast' && route.dev !== except,
    )
    .map((route) => route.dst);
}

export const hasDefaultRoute = async (): Promise<boolean> =>
  (await runOrFail('ip', ['-4', 'route', 'show', 'default'])).trim() !== '';

export async function makeNetwork(network: Network): Promise<void> {
  await runBatch([], machineBatch(network));
  await Promise.all([
    runBatch(['-n', network.fabric], fabricBatch(network)),
    ...network.nodes.map((node) => runBatch(['-n', node.namespace], nodeBatch(network, node))),
  ]);
}

/** Puts back what a network lacks: the machine's link, where something else has removed it, and nodes that are new or were stopped. */
export async function mendNetwork(network: Network): Promise<void> {
  const standing = network.nodes.filter((node) => namespaceExists(node.namespace));
  if (!linkExists(network.plan)) {
    await runBatch([], linkBatch({ ...network, nodes: standing }));
    await runBatch(['-n', network.fabric], [uplinkPort]);
  }
  for (const node of network.nodes) if (!standing.includes(node)) await addNode(network, node);
}

/** `network.nodes` holds it already. */
async function addNode(network: Network, node: NetworkNode): Promise<void> {
  const others = network.nodes.filter((other) => other.number !== node.number);
  await runBatch([], [`netns add ${node.namespace}`, nodeCable(node, network.fabric), podRoute(network.plan, node)]);
  await Promise.all([
    runBatch(['-n', network.fabric], [fabricPort(node)]),
    runBatch(['-n', node.namespace], nodeBatch(network, node)),
    ...others.map((other) => runBatch(['-n', other.namespace], [podRoute(network.plan, node)])),
  ]);
}

/** The cable is pulled first: the kernel takes a namespace apart later, and a new cable of its name would find the old one. */
export async function removeNode(network: Network, node: NetworkNode): Promise<void> {
  await runBatch(['-n', network.fabric], [`link del ${fabricPortName(node)}`], true);
  const forget = podRoute(network.plan, node).replace('route add', 'route del');
  await Promise.all([
    runBatch(['-force'], [forget, `netns del ${node.namespace}`], true),
    ...network.nodes
      .filter((other) => other.number !== node.number)
      .map((other) => runBatch(['-force', '-n', other.namespace], [forget], true)),
  ]);
}

export const networkIsUp = (network: Network): boolean =>
  [network.fabric, ...network.nodes.map((node) => node.namespace)].every(namespaceExists) && linkExists(network.plan);

const linkExists = (plan: AddressPlan): boolean => existsSync(`/sys/class/net/${hostLink(plan)}`);

export const namespaceExists = (name: string): boolean => existsSync(`/run/netns/${name}`);

/**
 * Removes what is there of it; `id` is the prefix of the cluster's namespaces. Never fails for what is already gone. While a cluster is
 * stopped one of another home may have taken its plan: the link goes by its other end, which is in a namespace of this cluster's, and
 * the routes go with the link.
 */
export async function removeNetwork(id: string, { plan, fabric }: Pick<Network, 'plan' | 'fabric'>): Promise<void> {
  if (namespaceExists(fabric)) await runBatch(['-n', fabric], ['link del uplink'], true);
  const routes = linkExists(plan) ? [] : [plan.cluster, plan.services];
  await runBatch(
    ['-force'],
    [
      ...routes.map((range) => `route del unreachable ${range}`),
      ...clusterNamespaces(id).map((name) => `netns del ${name}`),
    ],
    true,
  );
}

/** Names of the namespaces that belong to a cluster: `ID.fabric`, `ID.NODE`. */
export function clusterNamespaces(id: string): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(`${id}.`));
  } catch {
    return [];
  }
}

/** `ip -batch` from standard input. `lenient`: goes on after lines that fail, and reports nothing. */
export async function runBatch(options: readonly string[], lines: readonly string[], lenient = false): Promise<void> {
  if (lines.length === 0) return;
  const result = await run('ip', [...options, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  if (result.code === 0 || lenient) return;
  const failed = /Command failed -:(\d+)/.exec(result.stderr);
  const line = failed ? lines[Number(failed[1]) - 1] : undefined;
  throw new Failure(
    `the network could not be made: ${result.stderr.split('\n')[0]}${line ? ` (ip ${[...options, line].join(' ')})` : ''}`,
    'slipway doctor checks what the kernel offers',
  );
}
