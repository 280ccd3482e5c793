// Starts one node's containerd inside the node's network namespace, and talks to it with containerd's own `ctr`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { chainFolders, cniChain, containerdToml } from '../../agent/containerd/config.ts';
import { cniPlugins, which } from '../../agent/containerd/programs.ts';
import { pauseImage } from '../../agent/images/pause.ts';
import { Failure, tail } from '../failure.ts';
import type { AddressPlan } from '../network/addresses.ts';
import { nodeSysctls } from '../network/topology.ts';
import { besideProxy } from '../registry/beside-proxy.ts';
import { run, runOrFail } from '../run.ts';
import type { ClusterPaths, NodePaths } from '../state/paths.ts';
import { cameUp, type ProcessRef, startDetached } from '../state/processes.ts';
import { logFile, readIfThere } from '../state/spec.ts';

export { which };

/** `kubernetes.io` images and containers live in this namespace of containerd. */
const criNamespace = 'k8s.io';

/** Writes the configuration and starts it; it serves a little later (see untilServing). */
export function startContainerd(
  cluster: ClusterPaths,
  node: NodePaths,
  plan: AddressPlan,
  podRange: string,
): ProcessRef {
  const runc = which('runc');
  const plugins = cniPlugins();
  if (!which('containerd') || !runc || !plugins) {
    throw new Failure(
      'containerd, runc or the CNI plugins are not on this machine',
      'slipway doctor says what is missing',
    );
  }
  const chains = chainFolders(node.cni);
  const leases = `${node.run}/leases`;
  for (const folder of [chains.bridge, chains.hostPort, node.containerdRoot, leases, `${cluster.dir}/registries`]) {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
  }
  const network = { name: `${cluster.id}.${node.name}`, range: podRange, leases };
  writeFileSync(`${chains.bridge}/10-slipway.conflist`, cniChain(network, false));
  writeFileSync(`${chains.hostPort}/10-slipway.conflist`, cniChain(network, true));
  const toml = containerdToml({
    root: node.containerdRoot,
    state: `${node.run}/containerd`,
    socket: node.socket,
    cni: node.cni,
    cniPlugins: plugins,
    runc,
    pauseImage,
    registries: `${cluster.dir}/registries`,
    ...abilities(),
  });
  writeFileSync(node.containerdConfig, toml);
  // one shell for the sysctls of the namespace, which then becomes containerd: the pid stays
  const sysctls = Object.entries(nodeSysctls).map(
    ([name, value]) => `[ -e /proc/sys/${name} ] && echo ${value} > /proc/sys/${name}`,
  );
  const script = `${sysctls.join('\n')}\nexec containerd -c "$1"`;
  return startDetached(
    ['nsenter', `--net=${node.namespaceFile}`, '/bin/sh', '-c', script, 'sh', node.containerdConfig],
    logFile(cluster, `${node.name}/containerd`),
    withSystemPath(besideProxy(plan.gateway)),
  );
}

/** Bit of CAP_SYS_RESOURCE in a capability set (capability.h). */
const sysResource = 24n;

function abilities(): { appArmor: boolean; lowerScores: boolean } {
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readIfThere('/proc/self/status') ?? '')?.[1] ?? '0';
  return {
    appArmor:
      readIfThere('/sys/module/apparmor/parameters/enabled')?.trim() === 'Y' && which('apparmor_parser') !== undefined,
    lowerScores: (BigInt(`0x${effective}`) & (1n << sysResource)) !== 0n,
  };
}

/** Non-login shells lack the folders of iptables and runc, which the CNI plugins and the shim call by name. */
const withSystemPath = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  PATH: `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
});

/** Resolves when its socket takes connections. Throws Failure with the end of its log when it dies or stays silent. */
export async function untilServing(
  cluster: ClusterPaths,
  node: NodePaths,
  ref: ProcessRef,
  signal: AbortSignal,
): Promise<void> {
  if (await cameUp(ref, () => takesConnections(node.socket), signal)) return;
  const log = logFile(cluster, `${node.name}/containerd`);
  throw new Failure(
    `containerd of node ${node.name} did not come up; the end of ${log}:\n${tail(readIfThere(log) ?? '')}`,
    'slipway doctor checks what it needs',
  );
}

export const takesConnections = (socket: string): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = connect(socket);
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.on('error', () => resolve(false));
  });

const ctr = (node: NodePaths, ...args: string[]): string[] => [
  '--address',
  node.socket,
  '--namespace',
  criNamespace,
  ...args,
];

export interface NodeImage {
  name: string;
  /** Of the manifest or index, as registries name it. */
  digest: string;
  /** Of what is sent for it, as containerd writes it (`2.0 MiB`). */
  size: string;
}

/** The images that this node holds, by name (digest names left out). */
export async function nodeImages(node: NodePaths): Promise<NodeImage[]> {
  const lines = await runOrFail('ctr', ctr(node, 'images', 'list'));
  // REF, TYPE, DIGEST, SIZE, PLATFORMS, LABELS
  return [...lines.matchAll(/^(\S+)\s+\S+\s+(sha256:\S+)\s+([\d.]+ \S+)/gm)]
    .map(([, name, digest, size]) => ({ name: name!, digest: digest!, size: size! }))
    .filter(({ name }) => !name.startsWith('sha256:') && !name.includes('@sha256:'));
}

const holds = async (node: NodePaths, name: string): Promise<boolean> =>
  (await nodeImages(node)).some((image) => image.name === name);

/** Imports an OCI or Docker archive; returns the names that it held. Throws Failure with containerd's reason. */
export async function importImages(node: NodePaths, archive: string): Promise<string[]> {
  const result = await run('ctr', ctr(node, 'images', 'import', archive));
  if (result.code !== 0)
    throw new Failure(
      `${archive} could not be imported: ${(result.stderr || result.stdout).trim().split('\n').at(-1)}`,
    );
  // containerd 1 says "unpacking NAME (DIGEST)...done", containerd 2 "NAME  saved"
  return [...result.stdout.matchAll(/^unpacking (\S+)|^(\S+)\s+saved/gm)].map((match) => (match[1] ?? match[2])!);
}

export async function removeImage(node: NodePaths, name: string): Promise<boolean> {
  const result = await run('ctr', ctr(node, 'images', 'remove', '--sync', name));
  return result.code === 0 && !/not found/.test(result.stderr);
}

/** Returns false when the node does not hold the image. Throws Failure with containerd's reason. */
export async function exportImage(node: NodePaths, name: string, archive: string): Promise<boolean> {
  if (!(await holds(node, name))) return false;
  await runOrFail('ctr', ctr(node, 'images', 'export', archive, name));
  return true;
}

export async function tagImage(node: NodePaths, source: string, target: string): Promise<boolean> {
  if (!(await holds(node, source))) return false;
  await runOrFail('ctr', ctr(node, 'images', 'tag', '--force', source, target));
  return true;
}
