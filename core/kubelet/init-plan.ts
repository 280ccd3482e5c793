// Init containers: one after the other; restartable ones (sidecars) stay and are restarted. KEP-753.
import type { Container, Pod } from '../api/types.gen.ts';
import { appContainers, initContainers, isSidecar, restartsAfterExit } from './containers.ts';
import type { KillReason, ObservedContainer, ObservedPod, ProbeResults } from './model.ts';
import { newest } from './model.ts';

export interface InitPlan {
  /** All init containers are done, sidecars started: app containers may run. */
  initialized: boolean;
  /** An init container failed for good. */
  failed: boolean;
  start: string[];
  kill: { container: ObservedContainer; reason: KillReason; message: string }[];
}

/** What one sidecar needs, and whether it counts as started for the next in line. */
function sidecarStep(
  container: Container,
  last: ObservedContainer,
  probes: ProbeResults | undefined,
): { started: boolean; start: boolean; kill?: { reason: KillReason; message: string } } {
  if (last.state !== 'running') {
    const kill =
      last.state === 'unknown'
        ? {
            reason: 'unknown-state' as const,
            message: 'Init container is in "unknown" state, try killing it before restart',
          }
        : undefined;
    return { started: false, start: !kill, ...(kill ? { kill } : {}) };
  }
  if (container.startupProbe && probes?.startup !== true) {
    if (probes?.startup !== false) return { started: false, start: false };
    const message = `Init container ${container.name} failed startup probe`;
    return { started: false, start: false, kill: { reason: 'startup-probe', message } };
  }
  if (container.image && last.requestedImage && container.image !== last.requestedImage) {
    const message = `Init container ${container.name} definition changed`;
    return { started: true, start: false, kill: { reason: 'definition', message } };
  }
  if (container.livenessProbe && probes?.liveness === false) {
    const message = `Init container ${container.name} failed liveness probe`;
    return { started: true, start: false, kill: { reason: 'liveness-probe', message } };
  }
  return { started: true, start: false };
}

/**
 * Looks from the last init container to the first: a later one that exists proves that those before it were done, even
 * if their records are gone.
 */
export function initPlan(pod: Pod, observed: ObservedPod, probes: ReadonlyMap<string, ProbeResults>): InitPlan {
  const inits = initContainers(pod);
  const plan: InitPlan = { initialized: inits.length === 0, failed: false, start: [], kill: [] };
  if (plan.initialized) return plan;
  const appsRan = appContainers(pod).some((c) =>
    ['created', 'running'].includes(newest(observed, c.name)?.state ?? ''),
  );
  plan.initialized = appsRan;
  let laterExists = appsRan;
  const wanted = new Set<number>();
  for (let i = inits.length - 1; i >= 0; i--) {
    const container = inits[i]!;
    const last = newest(observed, container.name);
    // What ran in an earlier sandbox does not count: a new sandbox begins with the first init container.
    if (!last || last.sandboxId !== observed.sandboxes[0]?.id) {
      if (laterExists && isSidecar(container)) wanted.add(i);
      continue;
    }
    const first = !laterExists;
    laterExists = true;
    const done = () => {
      if (i === inits.length - 1) plan.initialized = true;
      else if (first) wanted.add(i + 1);
    };
    if (isSidecar(container)) {
      const step = sidecarStep(container, last, probes.get(last.id));
      if (step.started) done();
      if (step.start) wanted.add(i);
      if (step.kill) plan.kill.push({ container: last, ...step.kill });
      continue;
    }
    if (!first) continue;
    if (last.state === 'created') wanted.add(i);
    if (last.state === 'exited' && last.exitCode === 0) done();
    else if (last.state === 'exited' || last.state === 'unknown') {
      if (!restartsAfterExit(pod, container, last.state === 'unknown' ? 137 : last.exitCode)) {
        return { initialized: false, failed: true, start: [], kill: [] };
      }
      wanted.add(i);
    }
  }
  if (!laterExists) wanted.add(0);
  plan.start = [...wanted].sort((a, b) => a - b).map((i) => inits[i]!.name);
  return plan;
}
