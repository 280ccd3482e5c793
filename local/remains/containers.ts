// Ends what runs on a node without asking containerd, as pulling the plug would: containers first, then their shims.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { NodePaths } from '../state/paths.ts';
import { gone, type ProcessRef, signal, startOf } from '../state/processes.ts';
import { processesIn } from './cgroups.ts';

const refOf = (pid: number): ProcessRef[] => {
  const started = startOf(pid);
  return started === undefined ? [] : [{ pid, started }];
};

/** The shims that serve the containerd at this socket. */
export function shimsOf(socket: string): ProcessRef[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const args = argumentsOf(pid);
      const address = args.indexOf('-address');
      return basename(args[0] ?? '').startsWith('containerd-shim') && address > 0 && args[address + 1] === socket
        ? refOf(Number(pid))
        : [];
    });
}

/** Processes that have a path below this folder (which ends with a slash) among their arguments; this one excepted. */
export const processesNaming = (folder: string): ProcessRef[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => argumentsOf(pid).some((argument) => argument.startsWith(folder)))
    .flatMap((pid) => refOf(Number(pid)));

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** SIGTERM to every container process, `graceMs` to leave, then SIGKILL. */
export async function endContainers(nodes: readonly NodePaths[], graceMs: number): Promise<void> {
  const running = (): ProcessRef[] => nodes.flatMap((node) => processesIn(node.cgroup)).flatMap(refOf);
  const first = running();
  if (first.length > 0 && graceMs > 0) {
    signal(first, 'SIGTERM');
    await gone(first, graceMs);
  }
  // what forks while it is killed is found in the next round
  for (let round = 0; round < 20; round++) {
    const left = running();
    if (left.length === 0) break;
    signal(left, 'SIGKILL');
    await gone(left, 500);
  }
  const shims = nodes.flatMap((node) => shimsOf(node.socket));
  signal(shims, 'SIGKILL');
  await gone(shims, 2000);
}

/** CNI's own cache of results, kept per sandbox outside the node's folder. */
const cniResults = '/var/lib/cni/results';

export function forgetPodNetworks(clusterId: string): void {
  let names: string[];
  try {
    names = readdirSync(cniResults);
  } catch {
    return;
  }
  for (const name of names.filter((candidate) => candidate.startsWith(`${clusterId}.`))) {
    const sandbox = name.split('-').at(-2);
    rmSync(join(cniResults, name), { force: true });
    rmSync(join(cniResults, `cni-loopback-${sandbox}-lo`), { force: true });
  }
}
