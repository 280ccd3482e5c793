// Brings a cluster up, or back up: what runs is left alone, what is down is started, all at once where nothing has to wait.
import { existsSync, mkdirSync } from 'node:fs';
import type { Client } from '../../core/client/client.ts';
import type { ControlPlaneReady } from '../config.ts';
import { preparedImages } from '../images/prepared.ts';
import { setContext } from '../kubeconfig.ts';
import { type AddressPlan, addressPlan } from '../network/addresses.ts';
import { setEgress } from '../network/egress.ts';
import { addNode, makeNetwork, namespaceExists, networkIsUp } from '../network/network.ts';
import type { Network } from '../network/topology.ts';
import type { Progress } from '../progress.ts';
import { lock } from '../state/lock.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import { ProcessTable } from '../state/processes.ts';
import { type ClusterSpec, type NodeSpec, readSpec, writeSpec } from '../state/spec.ts';
import { adminClient } from './admin.ts';
import { bootstrapTokenFile, createBootstrapToken } from './bootstrap-token.ts';
import { startControlPlane, untilReady } from './control-plane-part.ts';
import { agentPart, containerdPart, containerdUp, startAgent } from './node-part.ts';
import { untilNodesReady } from './nodes-ready.ts';
import { planCluster, type Wishes } from './plan.ts';
import { powerOff } from './power-off.ts';

export interface UpResult {
  spec: ClusterSpec;
  /** Nothing had to be started. */
  wasRunning: boolean;
}

/**
 * Throws Failure; what this call started from nothing is then taken down again, and so it is when the signal aborts.
 * A cluster of which parts were running keeps those.
 */
export async function up(
  paths: ClusterPaths,
  wishes: Wishes,
  progress: Progress,
  signal: AbortSignal,
): Promise<UpResult> {
  const stored = readSpec(paths);
  const unlock = lock(paths);
  try {
    const table = new ProcessTable(paths.processes);
    const wasUp = stored !== undefined && partsOf(stored).some((part) => table.alive(part));
    if (stored && !wasUp && existsSync(paths.run)) await powerOff(paths, stored, 0); // what a crash left behind
    const { spec, plan } = await planCluster(paths, stored, wishes, wasUp);
    const same =
      stored !== undefined && stored.egress === spec.egress && partsOf(spec).every((part) => table.alive(part));
    if (same) {
      writeSpec(paths, spec);
      await finish(paths, spec, await untilReady(paths, spec, table.get('control-plane')!, signal));
      return { spec, wasRunning: true };
    }
    writeSpec(paths, spec);
    try {
      await startParts({ paths, spec, plan, table, progress, signal, egressChanged: stored?.egress !== spec.egress });
    } catch (error) {
      if (!wasUp) await progress.step('take down what was up', () => powerOff(paths, spec, 0));
      throw error;
    }
    return { spec, wasRunning: false };
  } finally {
    unlock();
  }
}

export const runningNodes = (spec: ClusterSpec): NodeSpec[] => spec.nodes.filter((node) => !node.stopped);

/** Every process that a cluster consists of, as the process table names it. */
export const partsOf = (spec: ClusterSpec): string[] => [
  'control-plane',
  ...runningNodes(spec).flatMap((node) =>
    spec.runtime === 'containerd' ? [containerdPart(node), agentPart(node)] : [agentPart(node)],
  ),
];

interface Start {
  paths: ClusterPaths;
  spec: ClusterSpec;
  plan: AddressPlan;
  table: ProcessTable;
  progress: Progress;
  signal: AbortSignal;
  egressChanged: boolean;
}

async function startParts(start: Start): Promise<void> {
  const { paths, spec, table, progress, signal } = start;
  const nodes = runningNodes(spec);
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  if (spec.runtime === 'containerd') await network(start, nodes);
  signal.throwIfAborted();
  const [ready] = await allSettledOrThrow([
    controlPlane(start),
    ...(spec.runtime === 'containerd' ? [containers(start, nodes)] : []),
  ]);
  signal.throwIfAborted();
  await progress.step(nodes.length === 1 ? 'node' : `${nodes.length} nodes`, async (note) => {
    const client = adminClient(ready);
    await agents(start, nodes, ready, client);
    await untilNodesReady(
      client,
      nodes.map((node) => node.name),
      { signal, alive: (name) => table.alive(`${name}/agent`), paths },
    );
    note(nodes.map((node) => node.name).join(', '));
  });
  await finish(paths, spec, ready);
}

/** Waits for all, so that nothing is started any more once the first failure is thrown on. */
async function allSettledOrThrow<T extends readonly Promise<unknown>[]>(
  work: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as {
    [K in keyof T]: Awaited<T[K]>;
  };
}

export function networkOf(paths: ClusterPaths, spec: ClusterSpec): Network {
  return {
    plan: addressPlan(spec.index),
    fabric: `${paths.id}.fabric`,
    nodes: runningNodes(spec).map((node) => ({
      number: node.number,
      namespace: nodePaths(paths, node.name).namespace,
    })),
    egress: spec.egress,
  };
}

async function network({ paths, spec, progress, egressChanged }: Start, nodes: readonly NodeSpec[]): Promise<void> {
  const wanted = networkOf(paths, spec);
  const made = !networkIsUp(wanted);
  if (!made && !egressChanged) return;
  await progress.step('network', async (note) => {
    note(
      `${nodes.length === 1 ? 'one namespace' : `${nodes.length} namespaces`}, ${wanted.plan.cluster}${spec.egress ? ', with a way out' : ''}`,
    );
    mkdirSync(paths.run, { recursive: true, mode: 0o711 });
    if (!namespaceExists(wanted.fabric)) await makeNetwork(wanted);
    else for (const node of wanted.nodes) if (!namespaceExists(node.namespace)) await addNode(wanted, node);
    if (spec.egress || egressChanged) await setEgress({ table: paths.id, run: paths.run }, wanted);
  });
}

async function controlPlane({ paths, spec, plan, table, progress, signal }: Start): Promise<ControlPlaneReady> {
  const running = table.get('control-plane');
  if (running && table.alive('control-plane')) return untilReady(paths, spec, running, signal);
  return progress.step('control plane', async (note) => {
    note(`https://127.0.0.1:${spec.port}`);
    const ref = startControlPlane(paths, spec, plan);
    table.set('control-plane', ref);
    return untilReady(paths, spec, ref, signal);
  });
}

async function containers({ paths, plan, table, progress }: Start, nodes: readonly NodeSpec[]): Promise<void> {
  if (nodes.every((node) => table.alive(containerdPart(node)))) return;
  await progress.step(nodes.length === 1 ? 'containerd' : `containerd of ${nodes.length} nodes`, async () => {
    let archives: Promise<string[]> | undefined;
    const images = (): Promise<string[]> => (archives ??= preparedImages(paths, progress.say));
    await allSettledOrThrow(nodes.map((node) => containerdUp(paths, table, plan, node, images)));
  });
}

async function agents(
  { paths, spec, plan, table }: Start,
  nodes: readonly NodeSpec[],
  ready: ControlPlaneReady,
  client: Client,
): Promise<void> {
  const down = nodes.filter((node) => !table.alive(agentPart(node)));
  if (down.length === 0) return;
  await createBootstrapToken(paths, client);
  for (const node of down) {
    table.set(
      agentPart(node),
      startAgent({ paths, spec, plan, ready, bootstrapTokenFile: bootstrapTokenFile(paths) }, node),
    );
  }
}

async function finish(paths: ClusterPaths, spec: ClusterSpec, ready: ControlPlaneReady): Promise<void> {
  await setContext(spec.kubeconfig, paths.id, ready);
}
