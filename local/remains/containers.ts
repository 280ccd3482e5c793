// Ends what runs on a node without asking containerd, as pulling the plug would: containers first, then their shims.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodePaths } from '../state/paths.ts';
import { gone, type ProcessRef, signal, startOf } from '../state/processes.ts';
import { readIfThere } from '../state/spec.ts';
import { processesIn, removeCgroup } from './cgroups.ts';

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

/** Processes with an argument that begins so (a folder ends with a slash, for what is below it); this one excepted. */
export const processesNaming = (beginning: string): ProcessRef[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => argumentsOf(pid).some((argument) => argument.startsWith(beginning)))
    .flatMap((pid) => refOf(Number(pid)));

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** What is known of a container outside its node's folder: runc's state by its id, and its shim's socket. */
interface Task {
  id: string;
  socket: string | undefined;
}

/**
 * SIGTERM to every container process, `graceMs` to leave, then SIGKILL. Returns what there was, for `forgetContainers`: containerd, which
 * may still live, removes a task's folder when its shim is gone, and leaves the shim's socket.
 */
export async function endContainers(
  nodes: readonly Pick<NodePaths, 'run' | 'cgroup' | 'socket'>[],
  graceMs: number,
): Promise<Task[]> {
  const tasks = tasksOf(nodes);
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
  return tasks;
}

const clearRounds = 500;
const roundMs = 10;

/**
 * Ends what is left in a cgroup and removes it. In version 2 a part's cgroup holds what the part started, too, as containerd its calls of
 * shims and plugins: that outlives the part by moments, and a process that dies is in its cgroup for one more.
 * Returns the folders that could not be removed within 5 s.
 */
export async function clearCgroup(cgroup: string): Promise<string[]> {
  for (let round = 1; ; round++) {
    const left = processesIn(cgroup).filter((pid) => pid !== process.pid);
    signal(left.flatMap(refOf), 'SIGKILL');
    const folders = removeCgroup(cgroup);
    if (folders.length === 0 || round >= clearRounds) return folders;
    await sleep(roundMs);
  }
}

/** CNI's own cache of results, kept per sandbox outside the node's folder. */
const cniResults = '/var/lib/cni/results';

/** @param prefix what the names of the networks begin with, up to a character that ends it */
export function forgetPodNetworks(prefix: string): void {
  for (const name of namesIn(cniResults).filter((candidate) => candidate.startsWith(prefix))) {
    const sandbox = name.split('-').at(-2);
    rmSync(join(cniResults, name), { force: true });
    rmSync(join(cniResults, `cni-loopback-${sandbox}-lo`), { force: true });
  }
}

/** The tasks of the nodes' containerds; each task's folder says where its shim listens. */
export const tasksOf = (nodes: readonly Pick<NodePaths, 'run'>[]): Task[] =>
  nodes.flatMap((node) => {
    const folder = join(node.run, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io');
    return namesIn(folder).map((id) => ({
      id,
      socket: readIfThere(join(folder, id, 'address'))
        ?.trim()
        .replace(/^unix:\/\//, ''),
    }));
  });

/** Where every containerd of a machine has its shims' sockets and runc its state, whatever folder it was given for its own. */
const sharedFolders = { shimSockets: '/run/containerd/s/', runcState: '/run/containerd/runc/k8s.io' };

/** A shim that is killed leaves its socket, and runc what it knew of the container. */
export function forgetContainers(tasks: readonly Task[], { shimSockets, runcState } = sharedFolders): void {
  for (const { id, socket } of tasks) {
    if (socket?.startsWith(shimSockets)) rmSync(socket, { force: true });
    rmSync(join(runcState, id), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
