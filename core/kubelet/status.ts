// The pod's status as the node reports it.

import type { ContainerStatus, PodStatus } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import { podConditions } from './conditions.ts';
import type { StatusContext } from './container-status.ts';
import { containerStatus } from './container-status.ts';
import { appContainers, ephemeralContainers, initContainers } from './containers.ts';
import type { PodMemory, SyncInput } from './model.ts';
import { newest } from './model.ts';
import { isTerminal, podPhase } from './phase.ts';
import { anyRunning } from './plan.ts';
import { qosClass } from './qos.ts';

function phaseOf(
  input: SyncInput,
  memory: PodMemory,
  old: PodStatus | undefined,
  statuses: ContainerStatus[],
  ended: boolean,
): string {
  const appStarted = appContainers(input.pod).some((c) => {
    const last = newest(input.observed, c.name);
    return (
      last?.state === 'running' || (last?.state === 'exited' && last.sandboxId === input.observed.sandboxes[0]?.id)
    );
  });
  const known = isTerminal(input.pod.status?.phase)
    ? input.pod.status?.phase
    : isTerminal(old?.phase)
      ? old?.phase
      : undefined;
  const phase = known ?? (memory.failed ? 'Failed' : podPhase(input.pod, statuses, ended, appStarted));
  // A pod that may still hold resources is never reported as over.
  const mayRun = anyRunning(input.observed) || input.starting;
  if (isTerminal(phase) && !known && mayRun) return old?.phase ?? 'Pending';
  return phase;
}

function addresses(input: SyncInput, old: PodStatus | undefined): Pick<PodStatus, 'podIP' | 'podIPs'> {
  const sandbox = input.observed.sandboxes[0];
  const ips = input.pod.spec?.hostNetwork ? input.node.hostIPs.slice(0, 1) : sandbox?.ready ? sandbox.ips : undefined;
  if (ips?.length) return { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) };
  // A pod that stopped keeps the address it had.
  return old?.podIP && sandbox ? { podIP: old.podIP, podIPs: old.podIPs } : {};
}

/** Termination messages of a pod take 12 KiB at most, shared equally. */
const maxMessagesLength = 12 * 1024;

function limitMessages(statuses: readonly ContainerStatus[]): void {
  const each = Math.floor(maxMessagesLength / Math.max(statuses.length, 1));
  for (const { state, lastState } of statuses) {
    for (const terminated of [state?.terminated, lastState?.terminated]) {
      if (terminated?.message && terminated.message.length > each)
        terminated.message = terminated.message.slice(0, each);
    }
  }
}

/** @param ended nothing of the pod runs and nothing will be restarted */
export function podStatus(input: SyncInput, memory: PodMemory, ended: boolean, sandboxReady: boolean): PodStatus {
  const { pod, now } = input;
  const old = input.memory.status ?? pod.status;
  const context: StatusContext = { pod, observed: input.observed, memory, probes: input.probes, old };
  const init = initContainers(pod).map((c) => containerStatus(context, c, 'init'));
  const apps = appContainers(pod).map((c) => containerStatus(context, c, 'app'));
  const ephemeral = ephemeralContainers(pod).map((c) => containerStatus(context, c, 'ephemeral'));
  const statuses = [...init, ...apps];
  limitMessages([...statuses, ...ephemeral]);
  const rejected =
    memory.failed !== undefined && input.observed.sandboxes.length === 0 && input.observed.containers.length === 0;
  const phase = phaseOf(input, memory, old, statuses, ended);
  if (isTerminal(phase)) for (const status of statuses.filter((s) => !s.state?.terminated)) status.ready = false;
  const why = memory.failed && phase === 'Failed' ? memory.failed : phase === old?.phase ? old : undefined;
  return {
    ...(pod.metadata?.generation ? { observedGeneration: pod.metadata.generation } : {}),
    phase,
    conditions: podConditions(pod, old, statuses, phase, sandboxReady, now, memory.failed),
    ...(why?.message ? { message: why.message } : {}),
    ...(why?.reason ? { reason: why.reason } : {}),
    hostIP: input.node.hostIPs[0],
    hostIPs: input.node.hostIPs.map((ip) => ({ ip })),
    ...addresses(input, old),
    startTime: timestamp(memory.startTime ?? now),
    ...(init.length > 0 && !rejected ? { initContainerStatuses: init } : {}),
    ...(rejected ? {} : { containerStatuses: apps }),
    qosClass: qosClass(pod),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    ...(pod.status?.nominatedNodeName ? { nominatedNodeName: pod.status.nominatedNodeName } : {}),
  };
}
