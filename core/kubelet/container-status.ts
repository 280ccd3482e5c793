// One container's status in the API, from what the runtime shows and what is remembered.

import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import type { AnyContainer, ContainerKind } from './containers.ts';
import { initContainers, isSidecar, shouldStart } from './containers.ts';
import type { ObservedContainer, ObservedPod, PodMemory, ProbeResults } from './model.ts';
import { newest, statusOf } from './model.ts';

const runtimeScheme = 'containerd://';

const time = (ms: number): string | null => (ms > 0 ? timestamp(ms) : null);

function stateOf(container: ObservedContainer): ContainerState {
  switch (container.state) {
    case 'running':
      return { running: { startedAt: timestamp(container.startedAt) } };
    case 'exited':
      return {
        terminated: {
          exitCode: container.exitCode,
          ...(container.reason ? { reason: container.reason } : {}),
          ...(container.message ? { message: container.message } : {}),
          startedAt: time(container.startedAt) as string,
          finishedAt: time(container.finishedAt) as string,
          containerID: `${runtimeScheme}${container.id}`,
        },
      };
    default:
      return { waiting: {} };
  }
}

const lost = (message: string): ContainerState => ({
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message,
    startedAt: null as unknown as string,
    finishedAt: null as unknown as string,
  },
});

/** Status of a container that the runtime knows nothing about. */
function unseen(pod: Pod, container: AnyContainer, old: ContainerStatus | undefined): ContainerStatus {
  const waiting = { reason: initContainers(pod).length > 0 ? 'PodInitializing' : 'ContainerCreating' };
  const fresh: ContainerStatus = {
    name: container.name,
    state: { waiting },
    lastState: old?.lastState ?? {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
  };
  if (old?.state?.terminated) return { ...old };
  if (old?.state?.running && !old.lastState?.terminated) {
    fresh.lastState = lost(
      'The container could not be located when the pod was deleted.  The container used to be Running',
    );
    if (!pod.metadata?.deletionTimestamp) fresh.restartCount++;
  }
  return fresh;
}

function seen(
  container: AnyContainer,
  last: ObservedContainer,
  before: ObservedContainer | undefined,
): ContainerStatus {
  return {
    name: container.name,
    state: stateOf(last),
    lastState: before?.state === 'exited' ? stateOf(before) : {},
    ready: false,
    restartCount: last.attempt,
    image: last.image || (container.image ?? ''),
    imageID: last.imageId,
    containerID: `${runtimeScheme}${last.id}`,
    resources: container.resources ?? {},
    ...(container.resources?.requests ? { allocatedResources: container.resources.requests } : {}),
    ...(last.user ? { user: { linux: last.user } } : {}),
  };
}

/**
 * When a container began is told by the agent's clock before the runtime is asked, and then not told again as a second earlier or later:
 * that would be another write for each container whose start lay on the edge of a second.
 */
function keepStart(status: ContainerStatus, old: ContainerStatus | undefined): void {
  const { running } = status.state ?? {};
  const told = old?.containerID === status.containerID ? old?.state?.running?.startedAt : undefined;
  if (!running?.startedAt || !told) return;
  if (Math.abs(Date.parse(told) - Date.parse(running.startedAt)) <= 1000) running.startedAt = told;
}

/** `started` and `ready`, which probes decide. */
function applyProbes(
  status: ContainerStatus,
  container: AnyContainer,
  kind: ContainerKind,
  probes: ProbeResults | undefined,
): void {
  const running = status.state?.running !== undefined;
  const sidecar = kind === 'init' && isSidecar(container);
  if (kind !== 'ephemeral') status.started = running && (!container.startupProbe || probes?.startup === true);
  if (kind === 'init' && !sidecar) {
    status.ready = status.state?.terminated?.exitCode === 0;
    return;
  }
  if (kind === 'ephemeral' || !status.started) return;
  status.ready = !container.readinessProbe || probes?.readiness === true;
}

function mounts(container: AnyContainer): ContainerStatus['volumeMounts'] {
  return container.volumeMounts?.map((m) => ({
    name: m.name,
    mountPath: m.mountPath,
    ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
  }));
}

export interface StatusContext {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  probes: ReadonlyMap<string, ProbeResults>;
  /** The status that went before: this agent's, or the API's after a restart. */
  old: PodStatus | undefined;
}

export function containerStatus(context: StatusContext, container: AnyContainer, kind: ContainerKind): ContainerStatus {
  const { pod, observed, memory } = context;
  const lists = {
    init: 'initContainerStatuses',
    app: 'containerStatuses',
    ephemeral: 'ephemeralContainerStatuses',
  } as const;
  const old = statusOf(context.old?.[lists[kind]], container.name);
  const [last, before] = observed.containers.filter((c) => c.name === container.name);
  const status = last ? seen(container, last, before) : unseen(pod, container, old);
  keepStart(status, old);
  if (last && !before && old?.lastState?.terminated && old.containerID === status.containerID)
    status.lastState = old.lastState;
  if (last && !before && old?.state?.terminated && old.containerID !== status.containerID) status.lastState = old.state;
  // What a pod that is over waited for last is of no interest; how its containers ended is.
  const over = memory.failed !== undefined && last?.state === 'exited';
  const waiting = over ? undefined : memory.containers[container.name]?.waiting;
  const done =
    kind === 'init' &&
    newest(observed, container.name)?.exitCode === 0 &&
    last?.state === 'exited' &&
    !isSidecar(container);
  if (waiting && !done && kind !== 'ephemeral' ? shouldStart(pod, container, last) : waiting && !last) {
    if (status.state?.terminated) status.lastState = status.state;
    status.state = { waiting: { reason: waiting!.reason, ...(waiting!.message ? { message: waiting!.message } : {}) } };
  }
  const volumeMounts = mounts(container);
  if (volumeMounts?.length) status.volumeMounts = volumeMounts;
  applyProbes(status, container, kind, last ? context.probes.get(last.id) : undefined);
  return status;
}
