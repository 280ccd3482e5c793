// Starts what is down of a cluster, all at once where nothing has to wait: the control plane beside each node's containerd,
// and each agent as soon as its containerd serves and the cluster has a CA, since loading its code takes as long as the API's.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../core/client/client.ts';
import type { ControlPlaneReady } from '../config.ts';
import { preparedImages } from '../images/prepared.ts';
import type { AddressPlan } from '../network/addresses.ts';
import { setEgress } from '../network/egress.ts';
import { closeFirewall } from '../network/firewall.ts';
import { makeNetwork, mendNetwork, namespaceExists, networkIsUp } from '../network/network.ts';
import { certificateFile } from '../pki.ts';
import type { Progress } from '../progress.ts';
import { forgetRegistry, registryPart, startRegistry, untilRegistryServes } from '../registry/registry.ts';
import { registryName } from '../registry/settings.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import { type ProcessTable, terminate } from '../state/processes.ts';
import type { ClusterSpec, NodeSpec } from '../state/spec.ts';
import { adminClient } from './admin.ts';
import {
  type BootstrapToken,
  createBootstrapToken,
  deleteBootstrapToken,
  newBootstrapToken,
} from './bootstrap-token.ts';
import { startControlPlane, untilReady } from './control-plane-part.ts';
import { containerdUp, importMissing, startAgent, startSimulated, writeResolvConf } from './node-part.ts';
import { untilNodesReady } from './nodes-ready.ts';
import { openAgain, openAll, openRegistry } from './openings.ts';
import {
  agentPart,
  containerdPart,
  controlPlanePart,
  networkOf,
  runningNodes,
  simulatedAreCurrent,
  simulatedPart,
} from './parts.ts';
import { together } from './together.ts';

export interface Start {
  paths: ClusterPaths;
  spec: ClusterSpec;
  plan: AddressPlan;
  table: ProcessTable;
  progress: Progress;
  signal: AbortSignal;
  egressChanged: boolean;
  /** Called once it does. */
  networkStands: () => void;
}

/** Resolves when every node is Ready. Throws Failure for the first part that fails; the others are left as they are. */
export async function startParts(start: Start): Promise<ControlPlaneReady> {
  const { paths, spec, table, signal } = start;
  const nodes = runningNodes(spec);
  if (spec.runtime === 'simulated' && !simulatedAreCurrent(paths, spec)) await endPart(table, simulatedPart);
  const down = nodes.filter((node) => !table.alive(agentPart(spec, node)));
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  if (spec.runtime === 'containerd') await Promise.all([network(start), firewall(start)]);
  if (!spec.registry) {
    await endPart(table, registryPart);
    forgetRegistry(paths);
  }
  start.networkStands();
  signal.throwIfAborted();
  const token = down.length > 0 ? newBootstrapToken(paths) : undefined;
  const serving = new Map(nodes.map((node) => [node.name, Promise.withResolvers<void>()]));
  const since = Date.now();
  const [{ ready, client }] = await together(
    signal,
    (either) => controlPlane(start, token, either),
    (either) => (spec.runtime === 'containerd' ? containerds(start, serving, either) : Promise.resolve()),
    (either) => agents(start, down, serving, token, either),
    (either) => registry(start, either),
  );
  await nodesReady(start, nodes, down, since, client);
  if (token) await deleteBootstrapToken(client, token);
  return ready;
}

async function endPart(table: ProcessTable, part: string): Promise<void> {
  const ref = table.get(part);
  if (!ref) return;
  await terminate([ref], 2000);
  table.delete(part);
}

async function firewall(start: Start): Promise<void> {
  const { paths, spec, progress, egressChanged } = start;
  if (egressChanged) await closeFirewall(`${paths.id}/way-`);
  if (networkIsUp(networkOf(paths, spec)) && !egressChanged) await openAgain(start, progress);
  else await openAll(start);
}

async function network({ paths, spec, progress, egressChanged }: Start): Promise<void> {
  const wanted = networkOf(paths, spec);
  if (networkIsUp(wanted) && !egressChanged) return;
  const namespaces = wanted.nodes.length === 1 ? 'one namespace' : `${wanted.nodes.length} namespaces`;
  await progress.step('network', async (note) => {
    note(`${namespaces}, ${wanted.plan.cluster}${spec.egress ? ', with a way out' : ''}`);
    mkdirSync(paths.run, { recursive: true, mode: 0o711 });
    if (!namespaceExists(wanted.fabric)) await makeNetwork(wanted);
    else await mendNetwork(wanted);
    if (!spec.egress && !egressChanged) return;
    await setEgress({ table: paths.id, run: paths.run }, wanted);
    for (const node of runningNodes(spec)) writeResolvConf(nodePaths(paths, node.name), spec.egress);
  });
}

async function controlPlane(
  { paths, spec, plan, table, progress }: Start,
  token: BootstrapToken | undefined,
  signal: AbortSignal,
): Promise<{ ready: ControlPlaneReady; client: Client }> {
  const serves = async (): Promise<ControlPlaneReady> => {
    const running = table.get(controlPlanePart);
    if (running && table.alive(controlPlanePart)) return untilReady(paths, spec, running, signal);
    return progress.step('control plane', async (note) => {
      note(`https://127.0.0.1:${spec.port}`);
      const ref = startControlPlane(paths, spec, plan);
      table.set(controlPlanePart, ref);
      return untilReady(paths, spec, ref, signal);
    });
  };
  const ready = await serves();
  const client = adminClient(ready);
  if (token) await createBootstrapToken(client, token);
  return { ready, client };
}

async function registry(start: Start, signal: AbortSignal): Promise<void> {
  const { paths, spec, plan, table, progress } = start;
  if (!spec.registry || table.alive(registryPart)) return;
  await progress.step('registry', async (note) => {
    note(registryName);
    const { ref, port } = await startRegistry(paths, plan, spec.port);
    table.set(registryPart, ref);
    await openRegistry(start, port);
    await untilRegistryServes(paths, ref, signal);
  });
}

type Serving = ReadonlyMap<string, PromiseWithResolvers<void>>;

async function containerds(
  { paths, spec, plan, table, progress }: Start,
  serving: Serving,
  signal: AbortSignal,
): Promise<void> {
  const nodes = runningNodes(spec);
  const allUp = nodes.every((node) => table.alive(containerdPart(node)));
  const bringUp = async (): Promise<void> => {
    let archives: Promise<string[]> | undefined;
    const images = (): Promise<string[]> => (archives ??= preparedImages(progress.say));
    await Promise.all(
      nodes.map(async (node) => {
        await containerdUp(paths, table, plan, node, signal);
        serving.get(node.name)?.resolve();
        await importMissing(paths, node, images);
      }),
    );
  };
  if (allUp) await bringUp();
  else await progress.step(nodes.length === 1 ? 'containerd' : `containerd of ${nodes.length} nodes`, bringUp);
}

const pollMs = 5;

async function agents(
  start: Start,
  down: readonly NodeSpec[],
  serving: Serving,
  token: BootstrapToken | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { paths, spec, table } = start;
  if (down.length === 0) return;
  const settings = {
    ...start,
    caFile: certificateFile(join(paths.controlPlane, 'pki'), 'ca'),
    bootstrapTokenFile: token?.file,
  };
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  aborted.catch(() => {}); // it may come when nobody waits any more
  while (!existsSync(settings.caFile)) {
    signal.throwIfAborted();
    await sleep(pollMs);
  }
  if (spec.runtime === 'simulated') {
    table.set(simulatedPart, startSimulated(settings));
    return;
  }
  await Promise.all(
    down.map(async (node) => {
      await Promise.race([serving.get(node.name)?.promise, aborted]);
      table.set(agentPart(spec, node), startAgent(settings, node));
    }),
  );
}

async function nodesReady(
  { paths, spec, table, progress, signal }: Start,
  nodes: readonly NodeSpec[],
  down: readonly NodeSpec[],
  since: number,
  client: Client,
): Promise<void> {
  const wait = {
    client,
    signal,
    paths,
    nodes: nodes.map((node) => ({
      name: node.name,
      part: agentPart(spec, node),
      since: down.includes(node) ? since : 0,
    })),
    alive: (part: string) => table.alive(part),
  };
  if (down.length === 0) return untilNodesReady(wait);
  await progress.step(nodes.length === 1 ? 'node' : `${nodes.length} nodes`, async (note) => {
    const names =
      down.length <= 3 ? down.map((node) => node.name).join(', ') : `${down[0]!.name} to ${down.at(-1)!.name}`;
    note(spec.runtime === 'simulated' ? `simulated: ${names}` : names);
    await untilNodesReady(wait);
  });
}
