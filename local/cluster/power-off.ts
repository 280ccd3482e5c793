// Takes a cluster down as a power switch does, in an order in which nothing complains, and leaves nothing behind but its data.
import { existsSync, rmSync } from 'node:fs';
import { Failure } from '../failure.ts';
import { removeContext } from '../kubeconfig.ts';
import { removeEgress } from '../network/egress.ts';
import { closeFirewall } from '../network/firewall.ts';
import { clusterNamespaces, removeNetwork } from '../network/network.ts';
import type { Progress } from '../progress.ts';
import {
  clearCgroup,
  endContainers,
  forgetContainers,
  forgetPodNetworks,
  processesNaming,
} from '../remains/containers.ts';
import { unmountBelow } from '../remains/mounts.ts';
import { checkClaim, claimedSpec } from '../state/claim.ts';
import { lock } from '../state/lock.ts';
import { type ClusterPaths, nodePaths } from '../state/paths.ts';
import { ProcessTable, terminate } from '../state/processes.ts';
import { type ClusterSpec, otherSpecs, readSpec } from '../state/spec.ts';
import { controlPlaneFiles } from './control-plane-part.ts';
import { networkOf } from './parts.ts';

/** What an agent or the control plane gets to close its files. */
const closeWithinMs = 5000;

/** `graceMs`: between SIGTERM and SIGKILL for the containers. Everything may be gone already; that is no failure. */
export async function powerOff(paths: ClusterPaths, spec: ClusterSpec, graceMs: number): Promise<void> {
  const table = new ProcessTable(paths.processes);
  const parts = table.parts();
  const containerds = parts.filter((part) => part.endsWith('/containerd'));
  const others = parts.filter((part) => !part.endsWith('/containerd'));
  await terminate(
    others.flatMap((part) => table.get(part) ?? []),
    closeWithinMs,
  );
  for (const file of [controlPlaneFiles(paths).pid, controlPlaneFiles(paths).ready]) rmSync(file, { force: true });
  if (spec.runtime === 'containerd') {
    const tasks = await endContainers(
      spec.nodes.map((node) => nodePaths(paths, node.name)),
      graceMs,
    );
    await terminate(
      containerds.flatMap((part) => table.get(part) ?? []),
      closeWithinMs,
    );
    await removeTraces(paths, spec);
    forgetContainers(tasks);
  }
  table.clear();
}

async function removeTraces(paths: ClusterPaths, spec: ClusterSpec): Promise<void> {
  const mounted = await unmountBelow([paths.run, paths.dir]);
  if (mounted.length > 0)
    throw new Failure(`could not unmount ${mounted.join(', ')}`, 'a process may be using it: fuser -vm FOLDER');
  await removeEgress({ table: paths.id, run: paths.run });
  await closeFirewall(`${paths.id}/`);
  await removeNetwork(paths.id, networkOf(paths, spec));
  const left = clusterNamespaces(paths.id);
  if (left.length > 0) throw new Failure(`could not remove the network namespaces ${left.join(', ')}`);
  const cgroups = await clearCgroup(`/${paths.id}`);
  if (cgroups.length > 0)
    throw new Failure(`could not remove the cgroup ${cgroups[0]}`, 'a process is still in it: see its cgroup.procs');
  forgetPodNetworks(`${paths.id}.`);
  rmSync(paths.run, { recursive: true, force: true });
}

export interface DownOptions {
  purge: boolean;
  graceMs: number;
}

export type DownResult = 'stopped' | 'was not running' | 'never existed';

/** With the last cluster goes what clusters share. */
function purge(paths: ClusterPaths): void {
  rmSync(paths.dir, { recursive: true, force: true });
  if (otherSpecs(paths).length === 0) rmSync(paths.cache, { recursive: true, force: true });
}

export async function down(paths: ClusterPaths, options: DownOptions, progress: Progress): Promise<DownResult> {
  const stored = readSpec(paths);
  const spec = stored ?? claimedSpec(paths);
  if (!spec) {
    if (options.purge && existsSync(paths.dir)) {
      const unlock = lock(paths); // a first start may be at work there
      rmSync(paths.dir, { recursive: true, force: true });
      unlock();
    }
    return 'never existed';
  }
  checkClaim(paths);
  const unlock = lock(paths);
  try {
    if (!stored) await terminate(processesNaming(`${paths.dir}/`), closeWithinMs); // its table went with its data
    const table = new ProcessTable(paths.processes);
    const running = table.parts().some((part) => table.alive(part)) || clusterNamespaces(paths.id).length > 0;
    if (running) await progress.step(`stop cluster ${paths.name}`, () => powerOff(paths, spec, options.graceMs));
    else await powerOff(paths, spec, 0);
    await removeContext(spec.kubeconfig, paths.id);
    if (options.purge) await progress.step('remove its data', async () => purge(paths));
    return running ? 'stopped' : 'was not running';
  } finally {
    unlock();
  }
}
