// How a cluster is: each part with its process and memory, each node as the API shows it.
import { readFileSync } from 'node:fs';
import { isNodeReady } from '../../core/api/node-ready.ts';
import type { Node } from '../../core/api/types.gen.ts';
import { resources } from '../../core/client/resources.ts';
import { takesConnections } from '../containerd/containerd.ts';
import { registryPart, registryServes } from '../registry/registry.ts';
import { registryAddress, registryName } from '../registry/settings.ts';
import { run } from '../run.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import { isAlive, type Processes, readProcesses } from '../state/processes.ts';
import { readReady } from '../state/ready-file.ts';
import { type ClusterSpec, readSpec } from '../state/spec.ts';
import { adminClient } from './admin.ts';
import { controlPlaneFiles } from './control-plane-part.ts';
import { controlPlanePart, partsOf, simulatedPart } from './parts.ts';

export interface PartStatus {
  part: string;
  up: boolean;
  pid?: number;
  /** Resident set, in bytes. */
  memory?: number;
  version?: string;
  /** 'ok', or what is wrong. */
  health: string;
}

export interface NodeStatusLine {
  name: string;
  ready: boolean;
  version: string;
  address: string;
  runtime: string;
  pods: number;
}

export interface ClusterStatus {
  name: string;
  context: string;
  server: string;
  runtime: ClusterSpec['runtime'];
  egress: boolean;
  dataDirectory: string;
  /** Its name in image references, and where it listens. */
  registry?: { name: string; address: string };
  parts: PartStatus[];
  nodes: NodeStatusLine[];
  healthy: boolean;
}

/** undefined when there is no such cluster. */
export async function clusterStatus(paths: ClusterPaths, version: string): Promise<ClusterStatus | undefined> {
  const spec = readSpec(paths);
  if (!spec) return undefined;
  const processes = readProcesses(paths.processes);
  const ready = readReady(controlPlaneFiles(paths).ready);
  const api =
    ready && isAlive(processes['control-plane']) ? await askApi(ready) : { error: 'is not running', nodes: [] };
  const versions: Record<string, string> = {
    containerd: spec.runtime === 'containerd' ? await containerdVersion() : '',
    [registryPart]: spec.registry ? await registryVersion() : '',
  };
  const lines = partsOf(spec).map((part) => partStatus(part, processes, versions[part.split('/').at(-1)!] ?? version));
  const parts = await Promise.all(
    lines.map(async (line) => (line.up ? { ...line, health: await healthOf(paths, line.part, api) } : line)),
  );
  const stopped = spec.nodes.filter((node) => node.stopped).map((node) => node.name);
  return {
    name: spec.name,
    context: paths.id,
    server: `https://127.0.0.1:${spec.port}`,
    runtime: spec.runtime,
    egress: spec.egress,
    dataDirectory: paths.dir,
    ...(spec.registry ? { registry: { name: registryName, address: registryAddress(paths) ?? '' } } : {}),
    parts,
    nodes: api.nodes,
    healthy:
      parts.every((part) => part.health === 'ok') &&
      api.nodes.every((node) => node.ready || stopped.includes(node.name)),
  };
}

function partStatus(part: string, processes: Processes, version: string): PartStatus {
  const ref = processes[part];
  if (!isAlive(ref)) return { part, up: false, health: ref ? 'has died' : 'is not running' };
  return { part, up: true, pid: ref.pid, memory: residentBytes(ref.pid), version, health: 'ok' };
}

/** Of a part whose process lives: whether it answers, and for an agent whether its node is Ready. */
async function healthOf(paths: ClusterPaths, part: string, api: ApiAnswer): Promise<string> {
  if (part === controlPlanePart) return api.error ?? 'ok';
  if (part === registryPart) return (await registryServes(paths)) ? 'ok' : 'does not answer';
  const [name = '', kind] = part.split('/');
  if (kind === 'containerd') return (await takesConnections(nodePaths(paths, name).socket)) ? 'ok' : 'does not answer';
  if (api.error || part === simulatedPart) return 'ok'; // nobody who could say otherwise; their nodes are listed
  const node = api.nodes.find((candidate) => candidate.name === name);
  return node?.ready ? 'ok' : `node is ${node ? 'NotReady' : 'not registered'}`;
}

interface ApiAnswer {
  error?: string;
  nodes: NodeStatusLine[];
}

/** From proc(5), /proc/PID/status. undefined where there is none. */
function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

export async function containerdVersion(): Promise<string> {
  const result = await run('containerd', ['--version']).catch(() => undefined);
  return result?.stdout.trim().split(/\s+/)[2] ?? '';
}

async function registryVersion(): Promise<string> {
  const result = await run('docker-registry', ['--version']).catch(() => undefined);
  return result?.stdout.trim().split(/\s+/).at(-1) ?? '';
}

async function askApi(ready: Parameters<typeof adminClient>[0]): Promise<ApiAnswer> {
  try {
    const client = adminClient(ready);
    const health = await client.raw('/readyz');
    if (health.status !== 200) return { error: `answers ${health.status} to /readyz`, nodes: [] };
    const [nodes, pods] = await Promise.all([
      client.list<Node>(resources.nodes),
      client.list<{ spec?: { nodeName?: string } } & Node>(resources.pods),
    ]);
    const podsOn = (name: string): number => pods.items.filter((pod) => pod.spec?.nodeName === name).length;
    return { nodes: nodes.items.map((node) => nodeLine(node, podsOn(node.metadata?.name ?? ''))) };
  } catch (error) {
    return { error: `does not answer: ${(error as Error).message}`, nodes: [] };
  }
}

const nodeLine = (node: Node, pods: number): NodeStatusLine => ({
  name: node.metadata?.name ?? '',
  ready: isNodeReady(node),
  version: node.status?.nodeInfo?.kubeletVersion ?? '',
  address: node.status?.addresses?.find((address) => address.type === 'InternalIP')?.address ?? '',
  runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? '',
  pods,
});
