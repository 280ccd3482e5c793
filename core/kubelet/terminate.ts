// Stopping a pod: everything within one grace period, app containers first, then sidecars from the last to the first.
// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
import type { Pod } from '../api/types.gen.ts';
import { findContainer, initContainers, isSidecar } from './containers.ts';
import type { Action, KillReason, ObservedContainer, ObservedPod, PodEvent, PodMemory } from './model.ts';

/** Seconds that even a killed container gets to end by itself. */
const minimumGraceSeconds = 2;

/** Of a pod that the node evicts at once, whatever it asks for itself (kubelet's immediateEvictionGracePeriodSeconds). */
export const evictionGraceSeconds = 1;

/** Grace of a kill: deletion's, else the probe's own, else the pod's. */
export function graceSeconds(pod: Pod, name: string, reason: KillReason): number {
  const deletion = pod.metadata?.deletionGracePeriodSeconds;
  if (deletion !== undefined && pod.metadata?.deletionTimestamp) return deletion;
  const container = findContainer(pod, name)?.container;
  const own =
    reason === 'startup-probe'
      ? container?.startupProbe?.terminationGracePeriodSeconds
      : reason === 'liveness-probe'
        ? container?.livenessProbe?.terminationGracePeriodSeconds
        : undefined;
  return own ?? pod.spec?.terminationGracePeriodSeconds ?? minimumGraceSeconds;
}

export function killAction(pod: Pod, container: ObservedContainer, seconds: number, message?: string): Action {
  const hook = findContainer(pod, container.name)?.container.lifecycle?.preStop;
  return {
    do: 'kill',
    container: container.name,
    id: container.id,
    graceSeconds: seconds,
    preStop: hook !== undefined && seconds > 0,
    message: message ?? `Stopping container ${container.name}`,
  };
}

/** Containers to be stopped now; the others wait for their turn until the grace is over. */
function turn(pod: Pod, running: readonly ObservedContainer[], graceOver: boolean): ObservedContainer[] {
  const sidecars = initContainers(pod)
    .filter(isSidecar)
    .map((c) => c.name);
  const others = running.filter((c) => !sidecars.includes(c.name));
  if (graceOver) return [...running];
  if (others.length > 0) return others;
  const last = sidecars.findLast((name) => running.some((c) => c.name === name));
  return running.filter((c) => c.name === last);
}

export interface Termination {
  actions: Action[];
  memory: PodMemory;
  events: PodEvent[];
  nextAt: number | undefined;
}

/**
 * Kills what still runs.
 * @param grace seconds for the whole pod, counted from memory.terminatingSince
 */
export function stopContainers(
  pod: Pod,
  observed: ObservedPod,
  memory: PodMemory,
  grace: number,
  now: number,
): Termination {
  const since = memory.terminatingSince ?? now;
  const next: PodMemory = { ...memory, terminatingSince: since, containers: { ...memory.containers } };
  const running = observed.containers.filter((c) => c.state === 'running');
  const actions: Action[] = [];
  const deadline = since + grace * 1000;
  const now2 = turn(pod, running, now >= deadline);
  for (const container of now2) {
    const left = Math.max(Math.ceil((deadline - now) / 1000), 0);
    const kill = killAction(pod, container, Math.max(left, Math.min(grace, minimumGraceSeconds)));
    const hookRan = next.containers[container.name]?.preStopped === container.id;
    actions.push(hookRan && kill.do === 'kill' ? { ...kill, preStop: false } : kill);
  }
  for (const container of running) {
    if (now2.includes(container)) continue;
    const hook = findContainer(pod, container.name)?.container.lifecycle?.preStop;
    const own = next.containers[container.name] ?? {};
    if (!hook || own.preStopped === container.id) continue;
    next.containers[container.name] = { ...own, preStopped: container.id };
    actions.push({ do: 'pre-stop', container: container.name, id: container.id, graceSeconds: grace });
  }
  return { actions, memory: next, events: [], nextAt: running.length > now2.length ? deadline : undefined };
}
