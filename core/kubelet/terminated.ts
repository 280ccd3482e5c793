// The last status of a pod of which nothing runs any more, whatever was seen of its containers. Follows kubelet's TerminatePod: such
// a pod is over, and a container that nobody saw end has failed. Jobs and others that count pods wait for that.
import { isStaticPod } from '../api/pod-references.ts';
import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../api/types.gen.ts';
import { initContainers, isSidecar } from './containers.ts';
import { isTerminal } from './phase.ts';

const unknown = (): ContainerState => ({
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    startedAt: null as unknown as string,
    finishedAt: null as unknown as string,
  },
});

const begun = ({ state, lastState }: ContainerStatus): boolean =>
  state?.waiting === undefined || lastState?.terminated !== undefined;

/** Evidence that the app containers may have been started. */
function initialized(pod: Pod, status: PodStatus): boolean {
  const last = initContainers(pod).at(-1);
  if (!last || (status.containerStatuses ?? []).some(begun)) return true;
  const own = status.initContainerStatuses?.at(-1);
  if (isSidecar(last)) return own?.state?.running !== undefined && own.started === true;
  return own?.state?.terminated?.exitCode === 0 || own?.lastState?.terminated?.exitCode === 0;
}

const ended = (one: ContainerStatus): ContainerStatus =>
  one.state?.terminated ? one : { ...one, state: unknown(), ready: false, started: false };

export function terminated(pod: Pod, status: PodStatus): PodStatus {
  const { containerStatuses: apps, initContainerStatuses: init } = status;
  // Up to the last that began; the first is always taken to have been tried.
  const tried = Math.max((init ?? []).findLastIndex(begun), 0);
  return {
    ...status,
    ...(isTerminal(status.phase) || isStaticPod(pod) ? {} : { phase: 'Failed' }),
    ...(apps ? { containerStatuses: initialized(pod, status) ? apps.map(ended) : apps } : {}),
    ...(init ? { initContainerStatuses: init.map((one, i) => (i <= tried ? ended(one) : one)) } : {}),
  };
}
