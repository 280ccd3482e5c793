// How a cluster is: each part with its process and memory, each node as the API shows it.
import { readFileSync } from 'node:fs';
import { isNodeReady } from '../../core/api/node-ready.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import { quantityMilliValue, quantityValue } from '../../core/api/quantity.ts';
import type { Node, NodeMetrics, NodeMetricsList, Pod } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import { groupVersionPath, resources } from '../../core/client/resources.ts';
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
  /** What the node uses now; absent where nobody can say. */
  usage?: NodeLoad;
}

export interface NodeLoad {
  /** Thousandths of a core, and of what pods may ask for. */
  cpuMilli: number;
  cpuPercent: number;
  memoryBytes: number;
  memoryPercent: number;
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
  /** How many pods there are in each phase. */
  pods: Record<string, number>;
  healthy: boolean;
}

/** undefined when there is no such cluster. */
export async function clusterStatus(paths: ClusterPaths, version: string): Promise<ClusterStatus | undefined> {
  const spec = readSpec(paths);
  if (!spec) return undefined;
  const processes = readProcesses(paths.processes);
  const ready = readReady(controlPlaneFiles(paths).ready);
  const api =
    ready && isAlive(processes['control-plane']) ? await askApi(ready) : { error: 'is not running', ...nothing };
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
    pods: api.pods,
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
  pods: Record<string, number>;
}

const nothing = { nodes: [], pods: {} };

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
    if (health.status !== 200) return { error: `answers ${health.status} to /readyz`, ...nothing };
    const [nodes, pods, usages] = await Promise.all([
      client.list<Node & KubeObject>(resources.nodes),
      client.list<Pod & KubeObject>(resources.pods),
      nodeUsages(client),
    ]);
    return {
      nodes: nodes.items.map((node) => nodeLine(node, pods.items, usages)),
      pods: countBy(pods.items.map(({ status }) => status?.phase ?? 'Unknown')),
    };
  } catch (error) {
    return { error: `does not answer: ${(error as Error).message}`, ...nothing };
  }
}

/** Nodes that do not answer at once must not hide all else that is known. */
async function nodeUsages(client: Client): Promise<NodeMetrics[]> {
  const response = await client.raw(`${groupVersionPath(resources.nodeMetrics)}/nodes?timeoutSeconds=1`);
  return response.ok ? ((await response.json()) as NodeMetricsList).items : [];
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function nodeLine(node: Node, pods: readonly Pod[], usages: readonly NodeMetrics[]): NodeStatusLine {
  const name = node.metadata?.name ?? '';
  const usage = usages.find(({ metadata }) => metadata?.name === name)?.usage;
  const load = usage && loadOf(usage, node.status?.allocatable ?? {});
  return {
    name,
    ready: isNodeReady(node),
    version: node.status?.nodeInfo?.kubeletVersion ?? '',
    address: node.status?.addresses?.find((address) => address.type === 'InternalIP')?.address ?? '',
    runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? '',
    pods: pods.filter(({ spec }) => spec?.nodeName === name).length,
    ...(load ? { usage: load } : {}),
  };
}

type Amounts = Readonly<Record<string, string | number>>;

/** In percent of what pods may ask for, as `kubectl top` counts. */
export function loadOf(usage: Amounts, allocatable: Amounts): NodeLoad {
  const of = (amounts: Amounts, name: string): string => String(amounts[name] ?? '0');
  const percent = (part: number, whole: number): number => (whole > 0 ? Math.floor((part / whole) * 100) : 0);
  const cpuMilli = quantityMilliValue(of(usage, 'cpu'));
  const memoryBytes = quantityValue(of(usage, 'memory'));
  return {
    cpuMilli,
    cpuPercent: percent(cpuMilli, quantityMilliValue(of(allocatable, 'cpu'))),
    memoryBytes,
    memoryPercent: percent(memoryBytes, quantityValue(of(allocatable, 'memory'))),
  };
}
