// Stateful sets: pods in order, one after the other unless told otherwise, updated from the last to the first.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import { isStatus } from '../../api/errors.ts';
import { sameValue } from '../../api/kinds/findings.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { StatefulSetStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import { availableInMs, isFinished, isReady, type StoredPod } from '../pod-state.ts';
import {
  currentRevision,
  cutHistory,
  isCollision,
  type Revisions,
  type StoredRevision,
  templateOf,
} from '../revision-history.ts';
import {
  createPod,
  deletePod,
  firstOrdinal,
  newPod,
  ordinalOf,
  replicasOf,
  revisionOfPod,
  type StoredStatefulSet,
  settleClaims,
  settleIdentity,
} from './pods.ts';

export interface ObservedStatefulSet {
  set: StoredStatefulSet;
  /** Owned by it, or free and matching its selector and its names. */
  pods: readonly StoredPod[];
  revisions: readonly StoredRevision[];
  /** What stands at the name that a new revision would get. */
  standingAtNewName?: StoredRevision;
  /** Claims of the namespace with the names that the set's pods use. */
  claims: readonly KubeObject[];
}

interface Round {
  set: StoredStatefulSet;
  nowMs: number;
  revisions: Revisions;
  /** The revision of the pods before the update that is under way. */
  current: StoredRevision;
  byOrdinal: Map<number, StoredPod>;
  /** Beyond the size: the highest goes first. */
  condemned: [ordinal: number, pod: StoredPod][];
  claims: readonly KubeObject[];
  actions: Action[];
  created: StoredPod[];
  deleted: Set<StoredPod>;
}

const isAvailable = ({ set, nowMs }: Round, pod: StoredPod): boolean =>
  availableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;

const isRunningAndReady = (pod: StoredPod): boolean => pod.status?.phase === 'Running' && isReady(pod);

const isMonotonic = ({ set }: Round): boolean => set.spec?.podManagementPolicy !== 'Parallel';

/** Below the partition, and before an update has come so far, a missing pod comes back as it was. */
function revisionFor(round: Round, ordinal: number): StoredRevision {
  const { set, current, revisions } = round;
  const { type = 'RollingUpdate', rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'RollingUpdate' && !rollingUpdate) {
    return ordinal < firstOrdinal(set) + (set.status?.currentReplicas ?? 0) ? current : revisions.newest;
  }
  return rollingUpdate && ordinal < firstOrdinal(set) + (rollingUpdate.partition ?? 0) ? current : revisions.newest;
}

/** Returns whether the pods after this one have to wait. */
function settleReplica(round: Round, ordinal: number): boolean {
  const { set, byOrdinal, actions, claims } = round;
  const pod = byOrdinal.get(ordinal);
  const monotonic = isMonotonic(round);
  if (!pod) {
    const revision = revisionFor(round, ordinal);
    const fresh = newPod(set, templateOf(revision), revision.metadata.name, ordinal);
    actions.push(...settleClaims(set, ordinal, undefined, false, claims), createPod(set, fresh));
    round.created.push(fresh);
    return monotonic;
  }
  if (isFinished(pod)) {
    if (!isDeleting(pod)) remove(round, pod);
    return true;
  }
  actions.push(...settleIdentity(pod, ordinal), ...settleClaims(set, ordinal, pod, false, claims));
  return monotonic && (isDeleting(pod) || !isRunningAndReady(pod) || !isAvailable(round, pod));
}

function remove(round: Round, pod: StoredPod): void {
  round.actions.push(deletePod(round.set, pod));
  round.deleted.add(pod);
}

/** The first pod, by ordinal, that is not available: it may go although it is not well. */
function firstUnwell(round: Round): StoredPod | undefined {
  const { set, byOrdinal, condemned } = round;
  const unwell = (pod: StoredPod): boolean => isDeleting(pod) || !isAvailable(round, pod);
  for (let i = 0; i < replicasOf(set); i++) {
    const pod = byOrdinal.get(firstOrdinal(set) + i);
    if (!pod) return undefined;
    if (unwell(pod)) return pod;
  }
  return condemned.map(([, pod]) => pod).findLast(unwell);
}

/** Returns whether the rest has to wait. */
function settleCondemned(round: Round): boolean {
  const { set, condemned, claims, actions } = round;
  const monotonic = isMonotonic(round);
  for (const [ordinal, pod] of condemned) actions.push(...settleClaims(set, ordinal, pod, true, claims));
  const exempt = firstUnwell(round);
  for (const [, pod] of condemned) {
    if (isDeleting(pod)) {
      if (monotonic) return true;
      continue;
    }
    const well = isRunningAndReady(pod) && isAvailable(round, pod);
    if (monotonic && !well && pod !== exempt) return true;
    remove(round, pod);
    if (monotonic) return true;
  }
  return false;
}

/** From the last to the partition: replaces what is of another revision, one at a time. */
function update(round: Round): void {
  const { set, byOrdinal, revisions } = round;
  const { type = 'RollingUpdate', rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return;
  const partition = rollingUpdate?.partition ?? 0;
  for (let i = replicasOf(set) - 1; i >= partition; i--) {
    const pod = byOrdinal.get(firstOrdinal(set) + i);
    if (!pod) return;
    if (revisionOfPod(pod) !== revisions.newest.metadata.name && !isDeleting(pod)) {
      remove(round, pod);
      return;
    }
    if (isDeleting(pod) || !isAvailable(round, pod)) return;
  }
}

function run(round: Round): void {
  const { set } = round;
  for (let i = 0; i < replicasOf(set); i++) {
    const waits = settleReplica(round, firstOrdinal(set) + i);
    if (waits && isMonotonic(round)) return;
  }
  if (settleCondemned(round)) return;
  update(round);
}

function statusAfter(round: Round): StatefulSetStatus {
  const { set, revisions, current, created, deleted } = round;
  const pods = [...round.byOrdinal.values(), ...round.condemned.map(([, pod]) => pod)];
  const ready = pods.filter(isRunningAndReady);
  const standing = [...pods.filter((pod) => !isDeleting(pod) && !deleted.has(pod)), ...created];
  const ofRevision = ({ metadata }: StoredRevision): number =>
    standing.filter((pod) => revisionOfPod(pod) === metadata.name).length;
  const status: StatefulSetStatus = {
    ...set.status,
    observedGeneration: set.metadata.generation,
    replicas: pods.length + created.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(round, pod)).length,
    currentReplicas: ofRevision(current),
    updatedReplicas: ofRevision(revisions.newest),
    currentRevision: current.metadata.name,
    updateRevision: revisions.newest.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const { type = 'RollingUpdate' } = set.spec?.updateStrategy ?? {};
  const total = replicasOf(set);
  const counts = [status.updatedReplicas, status.readyReplicas, status.replicas];
  if (type === 'RollingUpdate' && counts.every((count) => count === total)) {
    status.currentReplicas = status.updatedReplicas;
    status.currentRevision = status.updateRevision;
  }
  return status;
}

function writeStatus({ set, actions }: Round, status: StatefulSetStatus): void {
  const counts = ['replicas', 'readyReplicas', 'availableReplicas', 'currentReplicas', 'updatedReplicas'] as const;
  const { status: standing } = set;
  const same =
    counts.every((field) => (standing?.[field] ?? 0) === (status[field] ?? 0)) &&
    standing?.currentRevision === status.currentRevision &&
    standing?.updateRevision === status.updateRevision &&
    (standing?.observedGeneration ?? 0) === (status.observedGeneration ?? 0) &&
    sameValue(standing?.conditions, status.conditions);
  if (same) return;
  actions.push({
    do: 'update',
    of: resources.statefulSets,
    object: asObject({ ...set, status }),
    subresource: 'status',
  });
}

function nextAvailabilityMs(round: Round): number | undefined {
  const waits = [...round.byOrdinal.values()]
    .map((pod) => availableInMs(pod, round.set.spec?.minReadySeconds ?? 0, round.nowMs))
    .filter((ms): ms is number => ms !== undefined && ms > 0);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

export function decideStatefulSet(observed: ObservedStatefulSet, nowMs: number): Action[] {
  const { set, standingAtNewName } = observed;
  const owned = claim(set, set.spec?.selector, observed.pods, resources.pods);
  const history = claim(set, set.spec?.selector, observed.revisions, resources.controllerRevisions);
  const revisions = currentRevision(set, history.claimed, (hash) => ({
    ...set.spec?.template?.metadata?.labels,
    'controller.kubernetes.io/hash': hash,
  }));
  if (revisions.actions[0]?.do === 'create' && isCollision(set, standingAtNewName, history.claimed)) {
    const status = {
      ...set.status,
      replicas: set.status?.replicas ?? 0,
      collisionCount: (set.status?.collisionCount ?? 0) + 1,
    };
    return [{ do: 'update', of: resources.statefulSets, object: asObject({ ...set, status }), subresource: 'status' }];
  }
  const current =
    revisions.all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? revisions.newest;
  const round: Round = {
    set,
    nowMs,
    revisions,
    current,
    byOrdinal: new Map(),
    condemned: [],
    claims: observed.claims,
    actions: [...owned.actions, ...history.actions, ...(isDeleting(set) ? [] : revisions.actions)],
    created: [],
    deleted: new Set(),
  };
  const first = firstOrdinal(set);
  for (const pod of owned.claimed) {
    const ordinal = ordinalOf(set, pod);
    if (ordinal === undefined) continue;
    if (ordinal >= first && ordinal < first + replicasOf(set)) round.byOrdinal.set(ordinal, pod);
    else round.condemned.push([ordinal, pod]);
  }
  round.condemned.sort(([a], [b]) => b - a);
  if (!isDeleting(set)) run(round);
  writeStatus(round, statusAfter(round));
  const used = new Set([current.metadata.name, revisions.newest.metadata.name, ...owned.claimed.map(revisionOfPod)]);
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  round.actions.push(...cutHistory(revisions.all, ({ metadata }) => used.has(metadata.name), limit));
  const afterMs = nextAvailabilityMs(round);
  if (afterMs !== undefined) round.actions.push({ do: 'requeue', afterMs });
  return round.actions;
}

export function failedStatefulSet({ set }: ObservedStatefulSet, failures: readonly Failure[]): Action[] {
  return failures.flatMap(({ action, error }): Action[] => {
    // Somebody was quicker: the next look shows it.
    if (isStatus(error, 'AlreadyExists', 'Conflict')) return [];
    if ((action.do !== 'create' && action.do !== 'delete') || action.of !== resources.pods) return [];
    const name = action.do === 'create' ? action.object.metadata.name : action.key.name;
    const reason = action.do === 'create' ? 'FailedCreate' : 'FailedDelete';
    const message = `${action.do} Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${error.message}`;
    return [{ do: 'event', about: asObject(set), type: 'Warning', reason, message }];
  });
}
