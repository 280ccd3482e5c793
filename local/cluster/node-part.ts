// One node: its folders, its containerd and its agent.
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentConfig } from '../../agent/config.ts';
import { hostPortHandler } from '../../agent/containerd/config.ts';
import { agentProcess } from '../../agent/process.ts';
import { agentPort } from '../../host/agent-address.ts';
import { importImages, startContainerd, untilServing } from '../containerd/containerd.ts';
import { type AddressPlan, nodeAddress, podRange } from '../network/addresses.ts';
import { type ClusterPaths, type NodePaths, nodePaths } from '../state/paths.ts';
import { type ProcessRef, type ProcessTable, startDetached } from '../state/processes.ts';
import { type ClusterSpec, logFile, type NodeSpec, readIfThere, writeFileAtomic } from '../state/spec.ts';
import { clusterDomain } from './control-plane-part.ts';
import { agentPart, containerdPart, noteSimulated, runningNodes, simulatedPart } from './parts.ts';

const entry = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));

/** The node's containerd, running and serving. */
export async function containerdUp(
  paths: ClusterPaths,
  table: ProcessTable,
  plan: AddressPlan,
  node: NodeSpec,
  signal: AbortSignal,
): Promise<void> {
  const own = nodePaths(paths, node.name);
  const part = containerdPart(node);
  let ref = table.get(part);
  if (!ref || !table.alive(part)) {
    ref = startContainerd(paths, own, plan, podRange(plan, node.number));
    table.set(part, ref);
  }
  await untilServing(paths, own, ref, signal);
}

/** A marker beside containerd's own data names what was imported into it: both live and die together. */
export async function importMissing(
  paths: ClusterPaths,
  node: NodeSpec,
  images: () => Promise<string[]>,
): Promise<void> {
  const own = nodePaths(paths, node.name);
  const marker = join(own.containerdRoot, 'slipway-images');
  const archives = await images();
  const held = new Set(readIfThere(marker)?.split('\n'));
  const lacking = archives.filter((archive) => !held.has(basename(archive)));
  if (lacking.length === 0) return;
  await Promise.all(lacking.map((archive) => importImages(own, archive)));
  writeFileSync(marker, archives.map((archive) => basename(archive)).join('\n'));
}

export interface AgentSettings {
  paths: ClusterPaths;
  spec: ClusterSpec;
  plan: AddressPlan;
  caFile: string;
  bootstrapTokenFile: string | undefined;
}

export function agentConfig(
  { paths, spec, plan, caFile, bootstrapTokenFile }: AgentSettings,
  node: NodeSpec,
): AgentConfig {
  const own = nodePaths(paths, node.name);
  const shared = {
    clusterName: spec.name,
    nodeName: node.name,
    caFile,
    bootstrapTokenFile,
    stateDir: own.agentState,
    cgroupRoot: `${own.cgroup}/kubepods`,
    podCidr: podRange(plan, node.number),
    serviceCidr: plan.services,
    clusterDomain,
    ...fromSettings(spec),
  };
  if (spec.runtime === 'simulated') {
    const apiUrl = `https://127.0.0.1:${spec.port}`;
    return { ...shared, runtime: 'simulated', apiUrl, address: '127.0.0.1', port: 0, clusterDns: [] };
  }
  return {
    ...shared,
    runtime: 'containerd',
    apiUrl: `https://${plan.gateway}:${spec.port}`,
    containerdSocket: own.socket,
    address: nodeAddress(plan, node.number),
    port: agentPort,
    clusterDns: [plan.clusterDns],
    nodeDns: { clusterRanges: [plan.cluster, plan.services] },
    resolvConf: own.resolvConf,
    hostPortHandler,
    // nodes share the machine's disk, which other things fill, and what was loaded by hand cannot be pulled again (kind does the same)
    imageGCHighThresholdPercent: 100,
  };
}

/** A node that may be silent for less time reports more often. */
function fromSettings({
  settings = {},
}: ClusterSpec): Pick<AgentConfig, 'leaseDurationSeconds' | 'podPidsLimit' | 'staticPodPath'> {
  const { nodeMonitorGracePeriod: seconds, podMaxPids, podManifestPath } = settings;
  return {
    ...(seconds ? { leaseDurationSeconds: seconds } : {}),
    ...(podMaxPids === undefined ? {} : { podPidsLimit: podMaxPids }),
    ...(podManifestPath ? { staticPodPath: podManifestPath } : {}),
  };
}

/** Starts the agent of a node in its network namespace. */
export function startAgent(settings: AgentSettings, node: NodeSpec): ProcessRef {
  const { paths, spec } = settings;
  const own = nodePaths(paths, node.name);
  writeResolvConf(own, spec.egress);
  const command = ['nsenter', `--net=${own.namespaceFile}`, ...agentCommand([writeAgentConfig(settings, node)])];
  return startDetached(command, logFile(paths, agentPart(spec, node)), agentEnvironment());
}

/** Starts one process that is the agent of every simulated node. */
export function startSimulated(settings: AgentSettings): ProcessRef {
  const { paths, spec } = settings;
  const configs = runningNodes(spec).map((node) => writeAgentConfig(settings, node));
  noteSimulated(paths, spec);
  return startDetached(agentCommand(configs), logFile(paths, simulatedPart), agentEnvironment());
}

const agentCommand = (configs: readonly string[]): string[] => [
  process.execPath,
  ...agentProcess.flags,
  entry,
  ...configs,
];
const agentEnvironment = (): NodeJS.ProcessEnv => ({ ...process.env, ...agentProcess.env });

function writeAgentConfig(settings: AgentSettings, node: NodeSpec): string {
  const own = nodePaths(settings.paths, node.name);
  mkdirSync(own.agentState, { recursive: true, mode: 0o700 });
  writeFileAtomic(own.agentConfig, `${JSON.stringify(agentConfig(settings, node), null, 2)}\n`);
  return own.agentConfig;
}

/** A resolver on loopback (systemd's) cannot be reached from a node: the servers behind it are asked then. */
const resolvConfs = ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf'];

/** Nodes that cannot get out have nobody to ask for outside names. */
export function writeResolvConf(node: NodePaths, egress: boolean): void {
  mkdirSync(node.dir, { recursive: true, mode: 0o711 });
  const source = resolvConfs.find((file) => existsSync(file));
  if (egress && source) copyFileSync(source, node.resolvConf);
  else writeFileSync(node.resolvConf, '# this node has no way out: slipway up --egress gives it one\n');
}

export const forgetNode = (paths: ClusterPaths, node: NodeSpec): void => {
  rmSync(nodePaths(paths, node.name).dir, { recursive: true, force: true });
};
