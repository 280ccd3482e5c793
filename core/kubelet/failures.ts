// What the pod remembers of actions that failed; the next sync and its status follow from it.
import type { Pod } from '../api/types.gen.ts';
import { nextBackoff, nextRetry } from './backoff.ts';
import { findContainer } from './containers.ts';
import type { PodMemory } from './model.ts';

/** Why a container could not be started, in the words that `state.waiting.reason` uses. */
export type StartFailure =
  | 'ErrImagePull'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'PostStartHookError'
  /** Volumes are not ready: the container goes on waiting as ContainerCreating. */
  | 'Volumes';

/** @param held seconds as back-off for image pulls; all others are retried after 1 s doubling to 60 s */
export function noteStartFailure(
  memory: PodMemory,
  name: string,
  failure: StartFailure,
  message: string,
  now: number,
): PodMemory {
  const own = { ...memory.containers[name] };
  if (failure === 'ErrImagePull')
    own.image = { ...nextBackoff(own.image, now, now), message: `ErrImagePull: ${message}` };
  // A container that was created and failed is under the crash loop's back-off.
  else if (failure !== 'RunContainerError' && failure !== 'PostStartHookError') own.retry = nextRetry(own.retry, now);
  if (failure !== 'Volumes') own.waiting = { reason: failure, message };
  return { ...memory, containers: { ...memory.containers, [name]: own } };
}

export function noteStarted(memory: PodMemory, name: string): PodMemory {
  const own = {
    ...memory.containers[name],
    waiting: undefined,
    retry: undefined,
    image: undefined,
    replaced: undefined,
  };
  return { ...memory, containers: { ...memory.containers, [name]: own } };
}

export const noteSandboxFailure = (memory: PodMemory, now: number): PodMemory => ({
  ...memory,
  sandboxRetry: nextRetry(memory.sandboxRetry, now),
});

export const noteSandbox = (memory: PodMemory): PodMemory => ({ ...memory, sandboxRetry: undefined });

/** What a start waited for (config map, secret) may be there now: try at once. */
export function forgetRetries(memory: PodMemory): PodMemory {
  const containers = Object.fromEntries(
    Object.entries(memory.containers).map(([name, own]) => [
      name,
      own.retry ? { ...own, retry: { ...own.retry, at: 0 } } : own,
    ]),
  );
  return { ...memory, containers };
}

/** A container given another image is pulled at once: kubelet's back-off is for an image, not for a container. */
export function forgetImages(memory: PodMemory, before: Pod, after: Pod): PodMemory {
  const containers = { ...memory.containers };
  for (const [name, own] of Object.entries(containers)) {
    const changed = findContainer(before, name)?.container.image !== findContainer(after, name)?.container.image;
    if (own.image && changed) containers[name] = { ...own, image: undefined };
  }
  return { ...memory, containers };
}
