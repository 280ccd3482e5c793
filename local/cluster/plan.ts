// From what was asked and what is on disk to what the cluster is to be.
import { type NodeSettings, settingNames } from '../config.ts';
import { Failure } from '../failure.ts';
import { type AddressPlan, addressPlan, choosePlan, firstPlan, maxNodes } from '../network/addresses.ts';
import { machineRoutes } from '../network/network.ts';
import { hostLink } from '../network/topology.ts';
import { type ClusterPaths, defaultName } from '../state/paths.ts';
import { type ClusterSpec, dataVersion, type NodeSpec, otherSpecs, type Runtime } from '../state/spec.ts';
import { portInUse, portIsFree } from './control-plane-part.ts';

export interface Wishes {
  nodes?: number;
  runtime?: Runtime;
  port?: number;
  egress?: boolean;
  registry?: boolean;
  settings?: NodeSettings;
  kubeconfig: string;
}

export const firstPort = 6443;

/**
 * `running`: some part of the cluster is up, so its addresses and port stand and are its own.
 * Throws Failure for wishes that contradict what is there.
 */
export async function planCluster(
  paths: ClusterPaths,
  stored: ClusterSpec | undefined,
  wishes: Wishes,
  running: boolean,
): Promise<{ spec: ClusterSpec; plan: AddressPlan }> {
  const runtime = wishes.runtime ?? stored?.runtime ?? 'containerd';
  if (stored && runtime !== stored.runtime) {
    throw new Failure(
      `cluster "${paths.name}" has ${stored.runtime} nodes; that cannot change to ${runtime}`,
      'use another --name, or remove this one with: slipway down --purge',
    );
  }
  if (wishes.registry && runtime === 'simulated') {
    throw new Failure(
      'simulated nodes pull no images: a registry would serve nobody',
      'every image counts as present there',
      2,
    );
  }
  const others = otherSpecs(paths);
  const plan = await choose(paths, stored, others, runtime, running);
  const port = await choosePort(wishes.port, stored, others, running);
  const spec: ClusterSpec = {
    dataVersion,
    name: paths.name,
    index: plan.index,
    runtime,
    port,
    egress: wishes.egress ?? stored?.egress ?? false,
    registry: wishes.registry ?? stored?.registry ?? false,
    nodes: chooseNodes(paths.name, stored?.nodes ?? [], wishes.nodes),
    settings: chooseSettings(stored, wishes.settings ?? {}, running),
    kubeconfig: wishes.kubeconfig,
  };
  return { spec, plan };
}

async function choose(
  paths: ClusterPaths,
  stored: ClusterSpec | undefined,
  others: readonly ClusterSpec[],
  runtime: Runtime,
  running: boolean,
): Promise<AddressPlan> {
  if (stored && (running || runtime === 'simulated')) return addressPlan(stored.index);
  const taken = others.map((other) => other.index);
  const routes =
    runtime === 'containerd' ? await machineRoutes(stored ? hostLink(addressPlan(stored.index)) : undefined) : [];
  return choosePlan({ routes, taken, own: stored?.index, from: firstPlan(paths.name, defaultName) });
}

async function choosePort(
  wish: number | undefined,
  stored: ClusterSpec | undefined,
  others: readonly ClusterSpec[],
  running: boolean,
): Promise<number> {
  if (running && stored) {
    if (wish !== undefined && wish !== stored.port) {
      throw new Failure(`cluster "${stored.name}" is running on port ${stored.port}`, 'stop it first: slipway down');
    }
    return stored.port;
  }
  const fixed = wish ?? stored?.port;
  if (fixed !== undefined) {
    if (!(await portIsFree(fixed))) throw portInUse(fixed);
    return fixed;
  }
  const kept = new Set(others.map((other) => other.port));
  for (let port = firstPort; port < firstPort + 100; port++) {
    if (!kept.has(port) && (await portIsFree(port))) return port;
  }
  throw new Failure(`no port from ${firstPort} to ${firstPort + 99} is free`, 'choose one: --port NUMBER');
}

/** A node reports four times within it; the limits are those of its lease. */
const graceLimits = { least: 4, most: 3600 };

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Throws Failure for what parts that run do not know of. */
export function chooseSettings(stored: ClusterSpec | undefined, wishes: NodeSettings, running: boolean): NodeSettings {
  const settings = { ...stored?.settings, ...wishes };
  if (!settings.podManifestPath) delete settings.podManifestPath;
  const { nodeMonitorGracePeriod: grace } = settings;
  const { least, most } = graceLimits;
  if (grace !== undefined && (grace < least || grace > most))
    throw new Failure(`--node-monitor-grace-period must be from ${least}s to ${most}s`, undefined, 2);
  const changed = settingNames.filter((name) => settings[name] !== stored?.settings?.[name]);
  if (stored && running && changed.length > 0)
    throw new Failure(
      `cluster "${stored.name}" is running; ${changed.map(flagOf).join(', ')} cannot change meanwhile`,
      'stop it first: slipway down',
    );
  return settings;
}

/** Node numbers are never used twice while the cluster's data stands. */
export function chooseNodes(cluster: string, stored: readonly NodeSpec[], wish: number | undefined): NodeSpec[] {
  const count = wish ?? Math.max(stored.length, 1);
  if (!Number.isInteger(count) || count < 1 || count > maxNodes)
    throw new Failure(`--nodes must be a whole number from 1 to ${maxNodes}`, undefined, 2);
  if (count < stored.length) {
    throw new Failure(
      `the cluster has ${stored.length} nodes (${stored.map((node) => node.name).join(', ')})`,
      'take one out with: slipway node rm NAME',
    );
  }
  const nodes = [...stored];
  while (nodes.length < count) nodes.push(nextNode(cluster, nodes));
  return nodes;
}

export function nextNode(cluster: string, nodes: readonly NodeSpec[]): NodeSpec {
  const number = Math.max(0, ...nodes.map((node) => node.number)) + 1;
  if (number > maxNodes) throw new Failure(`the cluster has had ${maxNodes} nodes, which is all its addresses allow`);
  return { name: `${cluster}-${number}`, number };
}
