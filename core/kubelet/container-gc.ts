// Which dead containers and sandboxes a node lets go. Follows kubelet's container garbage collector.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-garbage-collection
import type { ObservedContainer, ObservedPod } from './model.ts';

export interface DeadContainerPolicy {
  /** Kept of each container of a pod. */
  maximumPerContainer: number;
  /** Kept on the node; below 0: no limit. */
  maximum: number;
  /** A container that was made less long ago stays. */
  minimumAgeMs: number;
}

export interface PodRemains {
  uid: string;
  /** Nothing of it will ever be started again. */
  over: boolean;
  /** Newest first. */
  observed: ObservedPod;
}

export interface Removal {
  uid: string;
  containers: string[];
  sandboxes: string[];
}

interface Dead {
  uid: string;
  container: ObservedContainer;
  /** The last that is known of a container which the pod may start again: without it, one that is done would be. */
  needed: boolean;
}

/** Dead containers of each container of each pod, newest first. */
function deadOf({ uid, over, observed }: PodRemains, madeBefore: number): Dead[][] {
  const groups = new Map<string, Dead[]>();
  const seen = new Set<string>();
  for (const container of observed.containers) {
    const newest = !seen.has(container.name);
    seen.add(container.name);
    if (container.state !== 'exited' || container.createdAt > madeBefore) continue;
    const group = groups.get(container.name) ?? [];
    group.push({ uid, container, needed: newest && !over });
    groups.set(container.name, group);
  }
  return [...groups.values()];
}

/** Leaves the newest `most` of each group, and those that are needed. */
function trim(groups: readonly Dead[][], most: number): { kept: Dead[][]; gone: Dead[] } {
  const stays = (dead: Dead, i: number): boolean => i < most || dead.needed;
  return {
    kept: groups.map((group) => group.filter(stays)),
    gone: groups.flatMap((group) => group.filter((dead, i) => !stays(dead, i))),
  };
}

function deadContainers(groups: readonly Dead[][], policy: DeadContainerPolicy): Dead[] {
  const first = trim(groups, policy.maximumPerContainer);
  if (policy.maximum < 0 || first.kept.flat().length <= policy.maximum) return first.gone;
  // as many of each as the limit allows, then the oldest of all
  const units = first.kept.filter((group) => group.length > 0).length;
  const second = trim(first.kept, Math.max(Math.floor(policy.maximum / units), 1));
  const left = second.kept.flat();
  const oldest = left
    .filter((dead) => !dead.needed)
    .sort((a, b) => a.container.createdAt - b.container.createdAt)
    .slice(0, Math.max(left.length - policy.maximum, 0));
  return [...first.gone, ...second.gone, ...oldest];
}

/** Sandboxes that ended, hold no container any more and are not the pod's last, which its next attempt counts from. */
const deadSandboxes = ({ observed }: PodRemains, removed: ReadonlySet<string>): string[] =>
  observed.sandboxes
    .slice(1)
    .filter(({ id, ready }) => !ready && !observed.containers.some((c) => c.sandboxId === id && !removed.has(c.id)))
    .map(({ id }) => id);

/** Of pods that the node still has; all of a deleted pod goes with it. Pods with nothing to remove are left out. */
export function removals(pods: readonly PodRemains[], policy: DeadContainerPolicy, now: number): Removal[] {
  const groups = pods.flatMap((pod) => deadOf(pod, now - policy.minimumAgeMs));
  const dead = deadContainers(groups, policy);
  const removed = new Set(dead.map(({ container }) => container.id));
  return pods
    .map((pod) => ({
      uid: pod.uid,
      containers: dead.filter(({ uid }) => uid === pod.uid).map(({ container }) => container.id),
      sandboxes: deadSandboxes(pod, removed),
    }))
    .filter(({ containers, sandboxes }) => containers.length + sandboxes.length > 0);
}
