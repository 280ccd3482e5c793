// Which containers ought to be started and stopped while the pod lives. Follows kubelet's order of decisions.
import type { Pod } from '../api/types.gen.ts';
import { appContainers, ephemeralContainers, podRestarts, restartsAfterExit, shouldStart } from './containers.ts';
import { initPlan } from './init-plan.ts';
import type { KillReason, ObservedContainer, ObservedPod, ProbeResults } from './model.ts';
import { newest } from './model.ts';

export interface Plan {
  /** Make a sandbox (attempt) when nothing of an older one is left running. */
  createSandbox: number | undefined;
  /** Stop every container and the sandbox: they belong to a dead sandbox, or the pod is done. */
  killPod: boolean;
  start: string[];
  /** `restarts`: another one takes its place. */
  kill: { container: ObservedContainer; reason: KillReason; message: string; restarts: boolean }[];
  initialized: boolean;
}

export type Probes = ReadonlyMap<string, ProbeResults>;

/** Whether a new sandbox is needed, and its attempt. */
export function sandboxChanged(pod: Pod, observed: ObservedPod): { changed: boolean; attempt: number } {
  const latest = observed.sandboxes[0];
  if (!latest) return { changed: true, attempt: 0 };
  const ready = observed.sandboxes.filter((s) => s.ready).length;
  const noAddress = pod.spec?.hostNetwork !== true && latest.ips.length === 0;
  if (ready > 1 || !latest.ready || noAddress) return { changed: true, attempt: latest.attempt + 1 };
  return { changed: false, attempt: latest.attempt };
}

const nothing = (killPod: boolean): Plan => ({
  createSandbox: undefined,
  killPod,
  start: [],
  kill: [],
  initialized: false,
});

/** Everything of an old sandbox goes; then the pod begins anew, if it has anything left to run. */
function renew(pod: Pod, observed: ObservedPod, attempt: number): Plan {
  if (!podRestarts(pod) && attempt !== 0 && observed.containers.length > 0) return nothing(true);
  const wanted = appContainers(pod).filter((c) => {
    const last = newest(observed, c.name);
    const once = (c.restartPolicy ?? pod.spec?.restartPolicy) === 'OnFailure';
    return !(once && last?.state === 'exited' && last.exitCode === 0);
  });
  const initializedBefore = appContainers(pod).some((c) => newest(observed, c.name) !== undefined);
  if (wanted.length === 0 && initializedBefore) return nothing(true);
  return { ...nothing(true), createSandbox: attempt };
}

/** Why a running container has to be stopped although the pod lives. */
function killReason(name: string, image: string, running: ObservedContainer, probes: ProbeResults | undefined) {
  if (running.requestedImage && image && running.requestedImage !== image) {
    return { reason: 'definition' as const, message: `Container ${name} definition changed` };
  }
  if (probes?.liveness === false)
    return { reason: 'liveness-probe' as const, message: `Container ${name} failed liveness probe` };
  if (probes?.startup === false)
    return { reason: 'startup-probe' as const, message: `Container ${name} failed startup probe` };
  return undefined;
}

/** Every app container has ended in this sandbox, and none will be started again. */
const isDone = (pod: Pod, observed: ObservedPod): boolean =>
  appContainers(pod).every((container) => {
    const last = newest(observed, container.name);
    const ended = last?.state === 'exited' && last.sandboxId === observed.sandboxes[0]?.id;
    return ended && !shouldStart(pod, container, last);
  });

export function makePlan(pod: Pod, observed: ObservedPod, probes: Probes): Plan {
  const sandbox = sandboxChanged(pod, observed);
  if (sandbox.changed) return renew(pod, observed, sandbox.attempt);
  // Asked before the init containers are: a sidecar that has been stopped for it would be started again.
  if (isDone(pod, observed)) return nothing(true);
  const plan = nothing(false);
  for (const container of ephemeralContainers(pod)) {
    if (!newest(observed, container.name)) plan.start.push(container.name);
  }
  const init = initPlan(pod, observed, probes);
  plan.initialized = init.initialized;
  plan.kill.push(...init.kill.map((kill) => ({ ...kill, restarts: true })));
  if (init.failed) return { ...plan, killPod: true };
  if (!init.initialized) return { ...plan, start: [...plan.start, ...init.start] };
  const starts: string[] = [];
  let kept = 0;
  for (const container of appContainers(pod)) {
    const last = newest(observed, container.name);
    if (last?.state !== 'running') {
      if (shouldStart(pod, container, last)) starts.push(container.name);
      continue;
    }
    const why = killReason(container.name, container.image ?? '', last, probes.get(last.id));
    if (!why) {
      kept++;
      continue;
    }
    const restarts = why.reason === 'definition' || restartsAfterExit(pod, container, 137);
    if (restarts) kept++;
    plan.kill.push({
      container: last,
      reason: why.reason,
      message: restarts ? `${why.message}, will be restarted` : why.message,
      restarts,
    });
  }
  if (kept === 0 && starts.length === 0) return { ...plan, killPod: true };
  return { ...plan, start: [...plan.start, ...init.start, ...starts] };
}

/** Containers that keep a pod from being over: apps that run or will, sidecars that still run. */
export const anyRunning = (observed: ObservedPod): boolean => observed.containers.some((c) => c.state === 'running');
