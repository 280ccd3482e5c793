// Brings a cluster up, or back up: what runs is left alone, what is down is started, all at once where nothing has to wait.
import { existsSync } from 'node:fs';
import type { ControlPlaneReady } from '../config.ts';
import { checkKubeconfig, removeContext, setContext } from '../kubeconfig.ts';
import type { AddressPlan } from '../network/addresses.ts';
import { namespaceExists, networkIsUp } from '../network/network.ts';
import type { Progress } from '../progress.ts';
import { moveTo } from '../remains/cgroups.ts';
import { checkClaim, claim } from '../state/claim.ts';
import { checkRoom } from '../state/disk.ts';
import { lock, lockMachine } from '../state/lock.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { ProcessTable } from '../state/processes.ts';
import { type ClusterSpec, readSpec, writeSpec } from '../state/spec.ts';
import { untilReady } from './control-plane-part.ts';
import { openAgain } from './openings.ts';
import { allUp, controlPlanePart, networkOf, partsOf } from './parts.ts';
import { planCluster, type Wishes } from './plan.ts';
import { powerOff } from './power-off.ts';
import { startParts } from './start-parts.ts';

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
  checkClaim(paths);
  checkRoom(paths.home);
  checkKubeconfig(wishes.kubeconfig);
  const unlock = lock(paths);
  try {
    const wasUp = stored !== undefined && isUp(paths, stored, new ProcessTable(paths.processes));
    if (stored && !wasUp && existsSync(paths.run)) await powerOff(paths, stored, 0); // what a crash left behind
    const { spec, plan, free } = await takeAddresses(paths, stored, wishes, wasUp);
    const table = tableOf(paths, spec);
    const setOwnContext = (ready: ControlPlaneReady): Promise<void> => setContext(spec.kubeconfig, paths.id, ready);
    try {
      if (stored && stored.egress === spec.egress && allUp(paths, spec, table) && stands(paths, spec)) {
        if (spec.runtime === 'containerd') await openAgain({ paths, spec, plan, table }, progress);
        await setOwnContext(await untilReady(paths, spec, table.get(controlPlanePart)!, signal));
        return { spec, wasRunning: true };
      }
      const egressChanged = (stored?.egress ?? false) !== spec.egress;
      await setOwnContext(
        await startParts({ paths, spec, plan, table, progress, signal, egressChanged, networkStands: free }),
      );
      // who interrupts the last moment means it too
      signal.throwIfAborted();
    } catch (error) {
      if (!wasUp) {
        await progress.step('take down what was up', () => powerOff(paths, spec, 0));
        await removeContext(spec.kubeconfig, paths.id);
      }
      throw signal.aborted ? signal.reason : error;
    } finally {
      free();
    }
    return { spec, wasRunning: false };
  } finally {
    unlock();
  }
}

/** Parts of a cluster of real containers outlive the login session, or the service, in which this command runs. */
const tableOf = (paths: ClusterPaths, spec: ClusterSpec): ProcessTable =>
  new ProcessTable(paths.processes, ({ pid }) => {
    if (spec.runtime === 'containerd') moveTo(paths.cgroup, pid);
  });

/** Some part lives, or at least the network: containers may be running on it. */
const isUp = (paths: ClusterPaths, spec: ClusterSpec, table: ProcessTable): boolean =>
  partsOf(spec).some((part) => table.alive(part)) || namespaceExists(networkOf(paths, spec).fabric);

const stands = (paths: ClusterPaths, spec: ClusterSpec): boolean =>
  spec.runtime === 'simulated' || networkIsUp(networkOf(paths, spec));

/** Until the network stands (or `free` is called), no other cluster of this machine may choose addresses. */
async function takeAddresses(
  paths: ClusterPaths,
  stored: ClusterSpec | undefined,
  wishes: Wishes,
  wasUp: boolean,
): Promise<{ spec: ClusterSpec; plan: AddressPlan; free: () => void }> {
  const simulated = (wishes.runtime ?? stored?.runtime) === 'simulated';
  const free = wasUp || simulated ? () => {} : await lockMachine();
  try {
    const { spec, plan } = await planCluster(paths, stored, wishes, wasUp);
    if (spec.runtime === 'containerd') claim(paths, spec);
    writeSpec(paths, spec);
    return { spec, plan, free };
  } catch (error) {
    free();
    throw error;
  }
}
