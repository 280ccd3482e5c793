// Which pods a NoExecute taint drives off a node, and when.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
import { tolerates } from '../../api/tolerations.ts';
import type { Taint } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action } from '../controller.ts';
import { asObject } from '../owner.ts';
import { conditionOf, isFinished, type StoredPod } from '../pod-state.ts';

/** Milliseconds since the epoch at which the pod must go; undefined: never. */
export function evictionDueMs(pod: StoredPod, noExecute: readonly Taint[], nowMs: number): number | undefined {
  let due: number | undefined;
  for (const taint of noExecute) {
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return nowMs;
    const seconds = matching.flatMap(({ tolerationSeconds }) => tolerationSeconds ?? []);
    if (seconds.length === 0) continue;
    const sinceMs = taint.timeAdded ? Date.parse(taint.timeAdded) : nowMs;
    const untilMs = sinceMs + Math.max(0, Math.min(...seconds)) * 1000;
    due = due === undefined ? untilMs : Math.min(due, untilMs);
  }
  return due;
}

export function evict(pod: StoredPod, nowMs: number): Action[] {
  const { namespace = '', name, uid } = pod.metadata;
  const key = { namespace, name };
  const standing = conditionOf(pod, 'DisruptionTarget');
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: standing?.status === 'True' ? standing.lastTransitionTime : timestamp(nowMs),
  };
  const patch = { metadata: { uid }, status: { conditions: [condition] } };
  const message = `Marking for deletion Pod ${namespace}/${name}`;
  return [
    { do: 'patch', of: resources.pods, key, patch, type: 'strategic', subresource: 'status' },
    {
      do: 'delete',
      of: resources.pods,
      key,
      options: { uid },
      event: { about: asObject(pod), type: 'Normal', reason: 'TaintManagerEviction', message },
    },
  ];
}

/** Pods of a node that is not ready serve nobody: they are marked so. */
export function markNotReady(pod: StoredPod, nowMs: number): Action[] {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'True' || isFinished(pod)) return [];
  const { namespace = '', name, uid } = pod.metadata;
  const condition = { type: 'Ready', status: 'False', lastTransitionTime: timestamp(nowMs) };
  return [
    {
      do: 'patch',
      of: resources.pods,
      key: { namespace, name },
      patch: { metadata: { uid }, status: { conditions: [condition] } },
      type: 'strategic',
      subresource: 'status',
      event: { about: asObject(pod), type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' },
    },
  ];
}
