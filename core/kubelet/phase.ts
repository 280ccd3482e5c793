// Pod phase from container statuses: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
import type { Container, ContainerStatus, Pod, PodStatus } from '../api/types.gen.ts';
import { appContainers, initContainers, isSidecar, restartsAfterExit } from './containers.ts';
import { statusOf } from './model.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export const isTerminal = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/** Exit code of the present or the last run. */
const exitOf = (status: ContainerStatus): number | undefined =>
  (status.state?.terminated ?? (status.state?.waiting ? status.lastState?.terminated : undefined))?.exitCode;

function initState(pod: Pod, container: Container, status: ContainerStatus | undefined): 'pending' | 'failed' | 'done' {
  if (!status || status.state?.running) return 'pending';
  const code = exitOf(status);
  if (code === undefined) return 'pending';
  if (code === 0) return 'done';
  return restartsAfterExit(pod, container, code) ? 'done' : 'failed';
}

const sidecarPending = (status: ContainerStatus | undefined): boolean => {
  if (!status) return false;
  if (status.state?.running) return status.started !== true;
  return !status.state?.terminated && !status.lastState?.terminated;
};

/**
 * @param ended nothing will be restarted any more, whatever the restart policy says
 * @param appStarted an app container runs or ran in this sandbox: a restarting sidecar does not make the pod pending again
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], ended: boolean, appStarted: boolean): Phase {
  const inits = initContainers(pod).filter((c) => !isSidecar(c));
  const states = inits.map((c) => initState(pod, c, statusOf(statuses, c.name)));
  if (states.includes('failed')) return 'Failed';
  const sidecars = initContainers(pod)
    .filter(isSidecar)
    .map((c) => statusOf(statuses, c.name));
  let unknown = sidecars.filter((s) => s === undefined).length;
  let running = sidecars.filter((s) => s?.state?.running).length;
  let waiting = sidecars.filter((s) => s?.state?.waiting && !s.lastState?.terminated).length;
  let stopped = 0;
  let succeeded = 0;
  let final = 0;
  for (const container of appContainers(pod)) {
    const status = statusOf(statuses, container.name);
    const code = status ? exitOf(status) : undefined;
    if (status?.state?.running) running++;
    else if (code !== undefined) {
      stopped++;
      if (code === 0 && status?.state?.terminated) succeeded++;
      if (!restartsAfterExit(pod, container, code)) final++;
    } else if (status?.state?.waiting) waiting++;
    else unknown++;
  }
  if (states.includes('pending') || (!appStarted && sidecars.some(sidecarPending)) || waiting > 0) return 'Pending';
  if (unknown > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped === 0) return 'Pending';
  if (!ended && stopped !== final) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
}

const waitsForStart = new Set(['ContainerCreating', 'PodInitializing']);

/** The pod is being started and nothing has run, ended or failed yet: a step on the way that nobody acts on. */
export function isOnlyProgress(status: PodStatus): boolean {
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const waits = containers.every(({ state }) => waitsForStart.has(state?.waiting?.reason ?? ''));
  return status.phase === 'Pending' && containers.length > 0 && waits;
}
