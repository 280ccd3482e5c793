// The cluster's own registry: its process, and what the nodes are told of it.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { which } from '../containerd/containerd.ts';
import { Failure, tail } from '../failure.ts';
import type { AddressPlan } from '../network/addresses.ts';
import { runOrFail } from '../run.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { cameUp, type ProcessRef, startDetached } from '../state/processes.ts';
import { logFile, readIfThere, writeFileAtomic } from '../state/spec.ts';
import { hostsToml, registryAddress, registryConfig, registryName, registryPaths } from './settings.ts';

export const registryPart = 'registry';
const program = 'docker-registry';
const firstPort = 5000;

/** Folders of hosts.toml files, which containerd reads at each pull. */
const hostsFolder = (paths: ClusterPaths): string => join(paths.dir, 'registries', registryName);

/**
 * Listens on the machine's address in the nodes' network, which nothing outside the machine reaches. The port may be another
 * at each start: only the nodes' runtimes and these commands use it. The network must stand.
 * @param taken a port that the control plane is about to take
 */
export async function startRegistry(
  paths: ClusterPaths,
  plan: AddressPlan,
  taken: number,
): Promise<{ ref: ProcessRef; port: number }> {
  if (!which(program))
    throw new Failure(`${program} is not on this machine`, `apt-get install --no-install-recommends ${program}`);
  const own = registryPaths(paths);
  mkdirSync(own.data, { recursive: true, mode: 0o700 });
  const port = await freePort(plan.gateway, taken);
  const address = `${plan.gateway}:${port}`;
  writeFileAtomic(own.config, registryConfig(own.data, address, randomBytes(32).toString('hex')));
  if (existsSync(own.removed)) await freeSpace(paths);
  writeFileAtomic(own.address, `${address}\n`);
  tellNodes(paths, address);
  return { ref: startDetached([program, 'serve', own.config], logFile(paths, registryPart)), port };
}

function tellNodes(paths: ClusterPaths, address: string): void {
  mkdirSync(hostsFolder(paths), { recursive: true, mode: 0o711 });
  writeFileAtomic(join(hostsFolder(paths), 'hosts.toml'), hostsToml(address));
}

/** The cluster has no registry any more; what it held stays. */
export function forgetRegistry(paths: ClusterPaths): void {
  rmSync(hostsFolder(paths), { recursive: true, force: true });
  rmSync(registryPaths(paths).address, { force: true });
}

/** Blobs that no tag leads to. Only while nobody pushes, so before the registry starts. */
async function freeSpace(paths: ClusterPaths): Promise<void> {
  const own = registryPaths(paths);
  // it fails on a folder in which nothing was ever pushed
  if (existsSync(join(own.data, 'docker')))
    await runOrFail(program, ['garbage-collect', '--delete-untagged', own.config]);
  rmSync(own.removed, { force: true });
}

async function freePort(host: string, taken: number): Promise<number> {
  for (let port = firstPort; port < firstPort + 100; port++)
    if (port !== taken && (await isFree(host, port))) return port;
  throw new Failure(`no port from ${firstPort} to ${firstPort + 99} is free on ${host} for the registry`);
}

const isFree = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });

/** Resolves when it answers. Throws Failure with the end of its log when it dies or stays silent. */
export async function untilRegistryServes(paths: ClusterPaths, ref: ProcessRef, signal: AbortSignal): Promise<void> {
  if (await cameUp(ref, () => registryServes(paths), signal)) return;
  const log = logFile(paths, registryPart);
  throw new Failure(`the registry did not come up; the end of ${log}:\n${tail(readIfThere(log) ?? '')}`);
}

/** Whether it answers as registries do (OCI distribution specification, end-1). */
export async function registryServes(paths: ClusterPaths): Promise<boolean> {
  const address = registryAddress(paths);
  if (!address) return false;
  try {
    return (await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}
