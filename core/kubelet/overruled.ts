// What a node said of itself and of its pods may have been written over while it was not heard: a node that fell silent is marked as
// unknown, and its pods as not ready. When it is heard again it says anew what it said before, as kubelet does.
import type { NodeStatus, PodStatus } from '../api/types.gen.ts';

interface Condition {
  type: string;
  status: string;
}

const differs = (stored: readonly Condition[] | undefined, said: readonly Condition[] | undefined): boolean =>
  (said ?? []).some(({ type, status }) => stored?.find((condition) => condition.type === type)?.status !== status);

export const isNodeOverruled = (stored: NodeStatus | undefined, said: NodeStatus): boolean =>
  differs(stored?.conditions, said.conditions);

/** Of conditions, those that the node said; what others say beside it does not concern it. */
export const isPodOverruled = (stored: PodStatus | undefined, said: PodStatus): boolean =>
  stored?.phase !== said.phase || differs(stored?.conditions, said.conditions);
