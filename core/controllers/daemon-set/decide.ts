// Daemon sets: one pod on each node that it is for, updated node by node.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
import type { DaemonSetStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Failure } from '../controller.ts';
import { safeLetters } from '../hash.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import { availableInMs, isFinished, isReady, type StoredPod } from '../pod-state.ts';
import { currentRevision, cutHistory, isCollision, type StoredRevision } from '../revision-history.ts';
import { belongs, hashLabel, isUpdated, newPod, type StoredDaemonSet, type StoredNode, targetNodeOf } from './nodes.ts';

export interface ObservedDaemonSet {
  set: StoredDaemonSet;
  nodes: readonly StoredNode[];
  /** Owned by it, or free and matching its selector. */
  pods: readonly StoredPod[];
  revisions: readonly StoredRevision[];
  standingAtNewName?: StoredRevision;
  /** When a failed pod was last replaced on a node, and how often in a row. */
  failures: Readonly<Record<string, { atMs: number; count: number }>>;
}

/** A daemon that fails again and again is started anew after 1 s, then 2 s, up to 15 min. */
const FAILED_FIRST_MS = 1_000;
const FAILED_LIMIT_MS = 900_000;
const SUFFIX_LENGTH = 5;

interface Round {
  observed: ObservedDaemonSet;
  nowMs: number;
  hash: string;
  byNode: Map<string, StoredPod[]>;
  /** Nodes to get a pod, and pods to go. */
  needing: Set<string>;
  doomed: Map<StoredPod, Action[]>;
  laterMs: number[];
}

const share = (value: number | string | undefined, total: number): number =>
  typeof value === 'number' ? value : value === undefined ? 0 : Math.ceil((Number.parseInt(value, 10) * total) / 100);

const isAvailable = ({ observed, nowMs }: Round, pod: StoredPod): boolean =>
  availableInMs(pod, observed.set.spec?.minReadySeconds ?? 0, nowMs) === 0;

const rollingUpdate = ({ spec }: StoredDaemonSet) =>
  (spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
    ? (spec?.updateStrategy?.rollingUpdate ?? {})
    : undefined;

const surgeOf = (set: StoredDaemonSet, total: number): number => share(rollingUpdate(set)?.maxSurge, total);

/** Bound before not, running before not, older before younger. */
const byAge = (a: StoredPod, b: StoredPod): number => {
  const unbound = (pod: StoredPod): number => (pod.spec?.nodeName ? 0 : 1);
  const created = ({ metadata }: StoredPod): string => metadata.creationTimestamp ?? '';
  return unbound(a) - unbound(b) || (created(a) < created(b) ? -1 : created(a) > created(b) ? 1 : 0);
};

function replaceFinished(round: Round, pod: StoredPod, node: string): void {
  const { set, failures } = round.observed;
  const about = asObject(set);
  const { namespace, name } = pod.metadata;
  if (pod.status?.phase === 'Succeeded') {
    const message = `Found succeeded daemon pod ${namespace}/${name} on node ${node}, will try to delete it`;
    round.doomed.set(pod, [{ do: 'event', about, type: 'Normal', reason: 'SucceededDaemonPod', message }]);
    return;
  }
  const failure = failures[node];
  const waitMs = failure ? Math.min(FAILED_FIRST_MS * 2 ** (failure.count - 1), FAILED_LIMIT_MS) : 0;
  const leftMs = failure ? failure.atMs + waitMs - round.nowMs : 0;
  if (leftMs > 0) {
    round.laterMs.push(leftMs);
    return;
  }
  const message = `Found failed daemon pod ${namespace}/${name} on node ${node}, will try to kill it`;
  round.doomed.set(pod, [{ do: 'event', about, type: 'Warning', reason: 'FailedDaemonPod', message }]);
}

const doom = (round: Round, pod: StoredPod | undefined): void => {
  if (pod && !round.doomed.has(pod)) round.doomed.set(pod, []);
};

/** Settles one node: a pod where there is none, none where none belongs, and no two of a kind. */
function settleNode(round: Round, node: StoredNode): void {
  const { set } = round.observed;
  const { name } = node.metadata;
  const { shouldRun, mayStay } = belongs(set, node);
  const pods = round.byNode.get(name);
  if (!pods) {
    if (shouldRun) round.needing.add(name);
    return;
  }
  const standing = pods.filter((pod) => !isDeleting(pod));
  if (!mayStay) {
    for (const pod of standing) doom(round, pod);
    return;
  }
  for (const pod of standing.filter(isFinished)) replaceFinished(round, pod, name);
  const running = standing.filter((pod) => !isFinished(pod)).sort(byAge);
  if (surgeOf(set, 1) === 0) {
    for (const pod of running.slice(1)) doom(round, pod);
  } else if (running.length === 0) {
    if (shouldRun && standing.length === 0) round.needing.add(name);
  } else settleSurge(round, running);
}

/** One old and one new pod may be side by side; the old one goes when the new one is available, or when it is not ready. */
function settleSurge(round: Round, running: readonly StoredPod[]): void {
  const isNew = (pod: StoredPod): boolean => pod.metadata.labels?.[hashLabel] === round.hash;
  const [fresh, ...moreFresh] = running.filter(isNew);
  const [old, ...moreOld] = running.filter((pod) => !isNew(pod));
  for (const pod of [...moreFresh, ...moreOld]) doom(round, pod);
  if (fresh && old && (!isReady(old) || isAvailable(round, fresh))) doom(round, old);
}

interface OnNode {
  node: string;
  fresh: StoredPod | undefined;
  old: StoredPod | undefined;
}

/** The old and the new pod of each node; a node with two of a kind is in motion and left alone. */
function pairs(round: Round): { settled: OnNode[]; inMotion: number } {
  const settled: OnNode[] = [];
  let inMotion = 0;
  for (const [node, pods] of round.byNode) {
    const standing = pods.filter((pod) => !isDeleting(pod) && !round.doomed.has(pod));
    const fresh = standing.filter((pod) => isUpdated(round.observed.set, pod, round.hash));
    const old = standing.filter((pod) => !fresh.includes(pod));
    if (fresh.length > 1 || old.length > 1) inMotion++;
    else settled.push({ node, fresh: fresh[0], old: old[0] });
  }
  return { settled, inMotion };
}

function desiredCount({ observed: { set, nodes } }: Round): number {
  return nodes.filter((node) => belongs(set, node).shouldRun).length;
}

function rollByReplacing(round: Round): void {
  const { settled, inMotion } = pairs(round);
  const most = Math.max(1, share(rollingUpdate(round.observed.set)?.maxUnavailable ?? 1, desiredCount(round)));
  let unavailable = inMotion;
  const candidates: StoredPod[] = [];
  for (const { fresh, old } of settled) {
    if (!old) {
      if (!fresh || !isAvailable(round, fresh)) unavailable++;
    } else if (fresh) unavailable++;
    else if (isAvailable(round, old)) candidates.push(old);
    else {
      doom(round, old);
      unavailable++;
    }
  }
  for (const pod of candidates.slice(0, Math.max(0, most - unavailable))) doom(round, pod);
}

function rollBySurging(round: Round): void {
  const { set, nodes } = round.observed;
  const { settled, inMotion } = pairs(round);
  const most = surgeOf(set, desiredCount(round));
  let surging = inMotion;
  const candidates: string[] = [];
  for (const { node, fresh, old } of settled) {
    if (!old) continue;
    if (fresh) {
      if (isAvailable(round, fresh)) doom(round, old);
      else surging++;
      continue;
    }
    const object = nodes.find(({ metadata }) => metadata.name === node);
    if (!object || !belongs(set, object).shouldRun) {
      if (!isAvailable(round, old)) doom(round, old);
    } else if (isAvailable(round, old)) candidates.push(node);
    else round.needing.add(node);
  }
  for (const node of candidates.slice(0, Math.max(0, most - surging))) round.needing.add(node);
}

function statusAfter(round: Round): DaemonSetStatus {
  const { set, nodes } = round.observed;
  const status = { desiredNumberScheduled: 0, currentNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
  let updatedNumberScheduled = 0;
  let numberAvailable = 0;
  for (const node of nodes) {
    const pods = round.byNode.get(node.metadata.name) ?? [];
    if (!belongs(set, node).shouldRun) {
      if (pods.length > 0) status.numberMisscheduled++;
      continue;
    }
    status.desiredNumberScheduled++;
    const pod = [...pods].sort(byAge)[0];
    if (!pod) continue;
    status.currentNumberScheduled++;
    if (isReady(pod)) status.numberReady++;
    if (isAvailable(round, pod)) numberAvailable++;
    if (isUpdated(set, pod, round.hash)) updatedNumberScheduled++;
  }
  return {
    ...set.status,
    ...status,
    updatedNumberScheduled,
    numberAvailable,
    numberUnavailable: status.desiredNumberScheduled - numberAvailable,
    observedGeneration: set.metadata.generation,
  };
}

const counted = [
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'numberMisscheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'observedGeneration',
] as const;

function writeStatus(round: Round): Action[] {
  const { set } = round.observed;
  const status = statusAfter(round);
  if (counted.every((field) => (set.status?.[field] ?? 0) === (status[field] ?? 0))) return [];
  return [{ do: 'update', of: resources.daemonSets, object: asObject({ ...set, status }), subresource: 'status' }];
}

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
