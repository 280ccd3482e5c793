// Daemon sets: one pod on each node that it is for, updated node by node.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
import { isStatus } from '../../api/errors.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Failure } from '../controller.ts';
import { safeLetters } from '../hash.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import { availableInMs, isFinished, type StoredPod } from '../pod-state.ts';
import { currentRevision, cutHistory, isCollision, type StoredRevision } from '../revision-history.ts';
import { hashLabel, newPod, targetNodeOf } from './nodes.ts';
import { rollByReplacing, rollBySurging } from './rollout.ts';
import { doom, type ObservedDaemonSet, type Round, rollingUpdate, surgeOf } from './round.ts';
import { settleNode } from './settle.ts';
import { writeStatus } from './status.ts';

const SUFFIX_LENGTH = 5;

function writes(round: Round): Action[] {
  const { set, pods } = round.observed;
  const about = asObject(set);
  const taken = new Set(pods.map(({ metadata }) => metadata.name));
  const created = [...round.needing].map((node): Action => {
    // The same state names the same pods: a repeated create is refused rather than doubled.
    const nameOf = (slot: number): string =>
      `${set.metadata.name}-${safeLetters(`${set.metadata.uid}/${set.metadata.resourceVersion}/${node}/${slot}`, SUFFIX_LENGTH)}`;
    let slot = 0;
    while (taken.has(nameOf(slot))) slot++;
    const object = newPod(set, node, round.hash, nameOf(slot));
    const message = `Created pod: ${object.metadata.name}`;
    return {
      do: 'create',
      of: resources.pods,
      object,
      event: { about, type: 'Normal', reason: 'SuccessfulCreate', message },
    };
  });
  const told = [...round.doomed.values()].flat();
  const removed = [...round.doomed.keys()].map(({ metadata: { namespace = '', name, uid } }): Action => {
    const event = { about, type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` } as const;
    return { do: 'delete', of: resources.pods, key: { namespace, name }, options: { uid }, event };
  });
  return [...told, ...created, ...removed];
}

export function decideDaemonSet(observed: ObservedDaemonSet, nowMs: number): Action[] {
  const { set, standingAtNewName } = observed;
  const { matchLabels = {}, matchExpressions = [] } = set.spec?.selector ?? {};
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) {
    const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
    return [{ do: 'event', about: asObject(set), type: 'Warning', reason: 'SelectingAll', message }];
  }
  if (isDeleting(set)) return [];
  const owned = claim(set, set.spec?.selector, observed.pods, resources.pods);
  const history = claim(set, set.spec?.selector, observed.revisions, resources.controllerRevisions);
  const revisions = currentRevision(set, history.claimed, (hash) => ({
    ...set.spec?.template?.metadata?.labels,
    [hashLabel]: hash,
  }));
  if (revisions.actions[0]?.do === 'create' && isCollision(set, standingAtNewName, history.claimed)) {
    const status = { ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 };
    return [{ do: 'update', of: resources.daemonSets, object: asObject({ ...set, status }), subresource: 'status' }];
  }
  const byNode = new Map<string, StoredPod[]>();
  for (const pod of owned.claimed) {
    const node = targetNodeOf(pod);
    if (!node || (isFinished(pod) && isDeleting(pod))) continue;
    byNode.set(node, [...(byNode.get(node) ?? []), pod]);
  }
  const hash = revisions.newest.metadata.labels?.[hashLabel] ?? '';
  const round: Round = { observed, nowMs, hash, byNode, needing: new Set(), doomed: new Map(), laterMs: [] };
  for (const node of observed.nodes) settleNode(round, node);
  const known = new Set(observed.nodes.map(({ metadata }) => metadata.name));
  for (const [node, pods] of byNode) {
    if (!known.has(node)) for (const pod of pods) if (!pod.spec?.nodeName && !isDeleting(pod)) doom(round, pod);
  }
  // One thing after the other: what is settled first changes what an update may do.
  if (rollingUpdate(set) && round.needing.size + round.doomed.size === 0) {
    if (surgeOf(set, 1) > 0) rollBySurging(round);
    else rollByReplacing(round);
  }
  const used = new Set([hash, ...owned.claimed.map(({ metadata }) => metadata.labels?.[hashLabel])]);
  const isUsed = ({ metadata }: StoredRevision): boolean => used.has(metadata.labels?.[hashLabel]);
  const waits = owned.claimed
    .map((pod) => availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs))
    .filter((ms): ms is number => ms !== undefined && ms > 0);
  const later = [...round.laterMs, ...waits];
  return [
    ...owned.actions,
    ...history.actions,
    ...revisions.actions,
    ...writes(round),
    ...cutHistory(revisions.all, isUsed, set.spec?.revisionHistoryLimit ?? 10),
    ...writeStatus(round),
    ...(later.length > 0 ? [{ do: 'requeue', afterMs: Math.min(...later) } as const] : []),
  ];
}

export function failedDaemonSet({ set }: ObservedDaemonSet, failures: readonly Failure[]): Action[] {
  return failures.flatMap(({ action, error }): Action[] => {
    // Somebody was quicker: the next look shows it.
    if (isStatus(error, 'AlreadyExists', 'Conflict')) return [];
    if (action.do !== 'create' && action.do !== 'delete') return [];
    const [reason, verb] = action.do === 'create' ? ['FailedCreate', 'creating'] : ['FailedDelete', 'deleting'];
    return [
      {
        do: 'event',
        about: asObject(set),
        type: 'Warning',
        reason: reason!,
        message: `Error ${verb}: ${error.message}`,
      },
    ];
  });
}
