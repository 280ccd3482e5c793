// Questions about a pod's containers that many rules ask.
import type { Container, EphemeralContainer, Pod } from '../api/types.gen.ts';
import type { ObservedContainer } from './model.ts';

export type AnyContainer = Container | EphemeralContainer;

/** A restartable init container (https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/). */
export const isSidecar = (container: AnyContainer): boolean => container.restartPolicy === 'Always';

export const appContainers = (pod: Pod): Container[] => pod.spec?.containers ?? [];
export const initContainers = (pod: Pod): Container[] => pod.spec?.initContainers ?? [];
export const ephemeralContainers = (pod: Pod): EphemeralContainer[] => pod.spec?.ephemeralContainers ?? [];

export type ContainerKind = 'init' | 'app' | 'ephemeral';

export function findContainer(pod: Pod, name: string): { kind: ContainerKind; container: AnyContainer } | undefined {
  const app = appContainers(pod).find((c) => c.name === name);
  if (app) return { kind: 'app', container: app };
  const init = initContainers(pod).find((c) => c.name === name);
  if (init) return { kind: 'init', container: init };
  const ephemeral = ephemeralContainers(pod).find((c) => c.name === name);
  return ephemeral ? { kind: 'ephemeral', container: ephemeral } : undefined;
}

export const podRestarts = (pod: Pod): boolean => pod.spec?.restartPolicy !== 'Never';

/**
 * Whether an exit with this code leads to a restart: the container's own rules, then its own policy, then the pod's
 * (KEP-5307).
 */
export function restartsAfterExit(pod: Pod, container: AnyContainer, exitCode: number): boolean {
  if (container.restartPolicy) {
    for (const rule of container.restartPolicyRules ?? []) {
      const codes = rule.exitCodes;
      if (!codes) continue;
      const listed = (codes.values ?? []).includes(exitCode);
      if (listed === (codes.operator === 'In')) return true;
    }
  }
  switch (container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** Kubelet's rule for "this container ought to be running": it never ran, or its exit asks for a restart. */
export function shouldStart(pod: Pod, container: AnyContainer, last: ObservedContainer | undefined): boolean {
  if (pod.metadata?.deletionTimestamp) return false;
  if (!last || last.state === 'created' || last.state === 'unknown') return true;
  if (last.state === 'running') return false;
  return restartsAfterExit(pod, container, last.exitCode);
}
