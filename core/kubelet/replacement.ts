// A container that the node itself ends, to start it anew (another image, a failed probe), is not told as ended in between.
// kubelet ends and starts it within one sync and looks at statuses before and after, so a pod stays Ready where no probe says otherwise.
import type { ObservedPod, PodMemory } from './model.ts';

/** One that takes longer is told of: kubelet looks at its containers once a second, too. */
const untoldMs = 1000;

export const noteReplaced = (memory: PodMemory, name: string, id: string): PodMemory => ({
  ...memory,
  containers: { ...memory.containers, [name]: { ...memory.containers[name], replaced: id } },
});

/**
 * @returns until when (milliseconds since the epoch) the pod's status is not told; undefined: tell it. A start that is held back, or has
 *   failed, is told at once.
 */
export function untoldUntil(observed: ObservedPod, memory: PodMemory, now: number): number | undefined {
  const ends = Object.entries(memory.containers).flatMap(([name, { replaced, waiting }]) => {
    const last = observed.containers.find((container) => container.name === name && container.state !== 'created');
    if (waiting || !last || last.id !== replaced || last.state !== 'exited') return [];
    // A clock that was set back does not hush it for longer.
    return Math.abs(now - last.finishedAt) < untoldMs ? [last.finishedAt + untoldMs] : [];
  });
  return ends.length > 0 ? Math.max(...ends) : undefined;
}
