// Jobs: pods until enough have succeeded, or too many failed.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/job/
import { sameValue } from '../../api/kinds/findings.ts';
import type { JobCondition, JobStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import { givingUpOrder, isReady, type StoredPod } from '../pod-state.ts';
import { parseIndexes } from './indexes.ts';
import {
  allFailures,
  finishedMs,
  hasFailed,
  indexOf,
  isIndexed,
  isTracked,
  judgeFailure,
  newPod,
  type StoredJob,
  trackingFinalizer,
} from './pods.ts';
import { type Tally, tally } from './tally.ts';

export interface ObservedJob {
  job: StoredJob;
  /** Owned by it, or free and matching its selector. */
  pods: readonly StoredPod[];
}

/** Pods whose job is gone: nobody counts them any more, so nothing may hold them. */
export interface ObservedStrays {
  strays: readonly StoredPod[];
}

/** Pods made or removed in one round. */
const ROUND_LIMIT = 500;
const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_PER_INDEX_FIRST_MS = 1_000;
const BACKOFF_LIMIT_MS = 600_000;

interface Plan {
  job: StoredJob;
  nowMs: number;
  tally: Tally;
  status: JobStatus;
  created: Action[];
  removed: StoredPod[];
  events: Action[];
  laterMs: number[];
}

const isTrue = (status: JobStatus | undefined, type: string): JobCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');

const isFinished = ({ status }: StoredJob): boolean => Boolean(isTrue(status, 'Complete') ?? isTrue(status, 'Failed'));

const makeCondition = (
  type: string,
  reason: string,
  message: string,
  nowMs: number,
  status = 'True',
): JobCondition => ({
  type,
  status,
  lastProbeTime: timestamp(nowMs),
  lastTransitionTime: timestamp(nowMs),
  reason,
  message,
});

function backoffMs(failures: number, firstMs: number, sinceMs: number, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, sinceMs + Math.min(firstMs * 2 ** (failures - 1), BACKOFF_LIMIT_MS) - nowMs);
}

/** Restarts in place count when pods are restarted on failure. */
function pastRestarts({ spec }: StoredJob, pods: readonly StoredPod[]): boolean {
  if (spec?.template?.spec?.restartPolicy !== 'OnFailure') return false;
  const limit = spec.backoffLimit ?? 6;
  const running = pods.filter(({ status }) => status?.phase === 'Running' || status?.phase === 'Pending');
  const statuses = running.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function matchedSuccess({ spec }: StoredJob, succeeded: ReadonlySet<number>): string | undefined {
  for (const [position, rule] of (spec?.successPolicy?.rules ?? []).entries()) {
    const required =
      rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes, spec?.completions ?? 0);
    if (required?.size === 0) continue;
    const have = required ? [...required].filter((index) => succeeded.has(index)).length : succeeded.size;
    const enough = rule.succeededCount !== undefined && have >= rule.succeededCount;
    if (enough || (required && have === required.size)) return `Matched rules at index ${position}`;
  }
  return undefined;
}

/** The condition that ends the job, before its pods are gone; undefined while it goes on. */
function ending(
  { job, nowMs, tally: { failed, succeededIndexes, failedIndexes } }: Plan,
  pods: readonly StoredPod[],
): JobCondition | undefined {
  const { spec, status } = job;
  const standing = isTrue(status, 'SuccessCriteriaMet') ?? isTrue(status, 'FailureTarget');
  if (standing) return standing;
  const failure = (reason: string, message: string): JobCondition =>
    makeCondition('FailureTarget', reason, message, nowMs);
  const fatal = pods
    .filter((pod) => hasFailed(job, pod))
    .map((pod) => judgeFailure(job, pod))
    .find(({ action }) => action === 'FailJob');
  if (fatal) return failure('PodFailurePolicy', fatal.message);
  if (failed > (spec?.backoffLimit ?? 6) || pastRestarts(job, pods)) {
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const started = status?.startTime ? Date.parse(status.startTime) : nowMs;
  if (
    spec?.activeDeadlineSeconds !== undefined &&
    !spec.suspend &&
    nowMs - started >= spec.activeDeadlineSeconds * 1000
  ) {
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (spec?.maxFailedIndexes !== undefined && failedIndexes.size > spec.maxFailedIndexes) {
    const message = 'Job has exceeded the specified maximal number of failed indexes';
    return failure('MaxFailedIndexesExceeded', message);
  }
  if (failedIndexes.size > 0 && failedIndexes.size + succeededIndexes.size >= (spec?.completions ?? 0)) {
    return failure('FailedIndexes', 'Job has failed indexes');
  }
  const matched = isIndexed(job) ? matchedSuccess(job, succeededIndexes) : undefined;
  return matched === undefined ? undefined : makeCondition('SuccessCriteriaMet', 'SuccessPolicy', matched, nowMs);
}

function wantedActive({ job: { spec }, tally: { active, succeeded } }: Plan): number {
  const parallelism = spec?.parallelism ?? 1;
  if (spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded, parallelism));
}

/** Of an indexed job first what has no index of its own: one pod stays for each index that is open. */
function surplusPods(plan: Plan, count: number): StoredPod[] {
  const { active, succeededIndexes, failedIndexes } = plan.tally;
  const order = [...active].sort(givingUpOrder({}, plan.nowMs));
  if (!isIndexed(plan.job)) return order.slice(0, count);
  const kept = new Set<number>();
  const doubled: StoredPod[] = [];
  const single: StoredPod[] = [];
  for (const pod of order.reverse()) {
    const index = indexOf(pod);
    const open = index !== undefined && index < (plan.job.spec?.completions ?? 0) && !kept.has(index);
    if (open && !succeededIndexes.has(index) && !failedIndexes.has(index)) {
      kept.add(index);
      single.push(pod);
    } else doubled.push(pod);
  }
  const byIndex = single.sort((a, b) => (indexOf(b) ?? 0) - (indexOf(a) ?? 0));
  return [...doubled, ...byIndex].slice(0, Math.max(count, doubled.length));
}

/** Indexes to be filled, lowest first; those whose last pod failed wait for their delay. */
function openIndexes(plan: Plan, pods: readonly StoredPod[], count: number): number[] {
  const {
    job,
    nowMs,
    tally: { active, succeededIndexes, failedIndexes, lastFailed },
  } = plan;
  const replacesFailedOnly = job.spec?.podReplacementPolicy === 'Failed';
  const taken = new Set([...active, ...(replacesFailedOnly ? pods.filter(isDeleting) : [])].map(indexOf));
  const open: number[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && open.length < count; index++) {
    if (taken.has(index) || succeededIndexes.has(index) || failedIndexes.has(index)) continue;
    const failed = lastFailed.get(index);
    const waitMs = failed ? backoffMs(allFailures(failed), BACKOFF_PER_INDEX_FIRST_MS, finishedMs(failed), nowMs) : 0;
    if (waitMs > 0) plan.laterMs.push(waitMs);
    else open.push(index);
  }
  return open;
}

function managePods(plan: Plan, pods: readonly StoredPod[]): void {
  const {
    job,
    nowMs,
    tally: { active, terminating, recent, lastFailed },
  } = plan;
  const { spec } = job;
  if (spec?.suspend) {
    plan.removed.push(...active);
    return;
  }
  const wanted = wantedActive(plan);
  const surplus = surplusPods(plan, Math.max(0, active.length - wanted));
  if (surplus.length > 0) {
    plan.removed.push(...surplus.slice(0, ROUND_LIMIT));
    return;
  }
  const replacesFailedOnly =
    spec?.podReplacementPolicy === 'Failed' || (!spec?.podReplacementPolicy && spec?.podFailurePolicy);
  const missing = Math.min(wanted - active.length - (replacesFailedOnly ? terminating : 0), ROUND_LIMIT);
  if (missing <= 0) return;
  const perIndex = spec?.backoffLimitPerIndex !== undefined;
  const waitMs = perIndex ? 0 : backoffMs(recent.failures, BACKOFF_FIRST_MS, recent.lastMs, nowMs);
  if (waitMs > 0) {
    plan.laterMs.push(waitMs);
    return;
  }
  const indexes: (number | undefined)[] = isIndexed(job)
    ? openIndexes(plan, pods, missing)
    : Array.from({ length: missing }, () => undefined);
  const taken = new Set(pods.map(({ metadata }) => metadata.name));
  let slot = 0;
  for (const index of indexes) {
    let object = newPod(job, slot, index, index === undefined ? undefined : lastFailed.get(index));
    while (taken.has(object.metadata.name ?? '')) object = newPod(job, ++slot, index, undefined);
    taken.add(object.metadata.name ?? '');
    slot++;
    const message = `Created pod: ${object.metadata.name}`;
    const event = { about: asObject(job), type: 'Normal', reason: 'SuccessfulCreate', message } as const;
    plan.created.push({ do: 'create', of: resources.pods, object, event });
  }
}

function noteSuspension(plan: Plan): void {
  const { job, nowMs, status } = plan;
  const standing = status.conditions?.find(({ type }) => type === 'Suspended');
  const suspended = job.spec?.suspend ?? false;
  if (suspended === (standing?.status === 'True')) return;
  if (!suspended && !standing) return;
  const [reason, message, told] = suspended
    ? ['JobSuspended', 'Job suspended', 'Suspended']
    : ['JobResumed', 'Job resumed', 'Resumed'];
  const condition = makeCondition('Suspended', reason!, message!, nowMs, suspended ? 'True' : 'False');
  status.conditions = [...(status.conditions ?? []).filter(({ type }) => type !== 'Suspended'), condition];
  status.startTime = suspended ? undefined : timestamp(nowMs);
  plan.events.push({ do: 'event', about: asObject(job), type: 'Normal', reason: told!, message: message! });
}

const addCondition = (status: JobStatus, condition: JobCondition): void => {
  if (!isTrue(status, condition.type)) status.conditions = [...(status.conditions ?? []), condition];
};

/** First what ends the job is said; once its pods are gone and counted, that it has ended. */
function end(plan: Plan, condition: JobCondition, activeAfter: number, terminatingAfter: number): void {
  const {
    job,
    nowMs,
    status,
    tally: { release },
  } = plan;
  addCondition(status, condition);
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (activeAfter > 0 || terminatingAfter > 0 || succeeded.length + failed.length + release.length > 0) return;
  const success = condition.type === 'SuccessCriteriaMet';
  const { reason = '', message = '' } = condition;
  addCondition(status, makeCondition(success ? 'Complete' : 'Failed', reason, message, nowMs));
  if (success) status.completionTime = timestamp(nowMs);
  plan.events.push({
    do: 'event',
    about: asObject(job),
    type: success ? 'Normal' : 'Warning',
    reason: success ? 'Completed' : reason,
    message: success ? 'Job completed' : message,
  });
}

const releasePod = ({ metadata: { namespace = '', name, uid, resourceVersion, finalizers } }: StoredPod): Action => ({
  do: 'patch',
  of: resources.pods,
  key: { namespace, name },
  patch: {
    metadata: { uid, resourceVersion, finalizers: (finalizers ?? []).filter((one) => one !== trackingFinalizer) },
  },
  type: 'merge',
});

function removePod(job: StoredJob, { metadata: { namespace = '', name, uid } }: StoredPod): Action {
  const message = `Deleted pod: ${name}`;
  const event = { about: asObject(job), type: 'Normal', reason: 'SuccessfulDelete', message } as const;
  return { do: 'delete', of: resources.pods, key: { namespace, name }, options: { uid }, event };
}

/** Absent and empty are the same, as zero is. */
function isSameStatus(a: JobStatus | undefined, b: JobStatus): boolean {
  const plain = ({
    uncountedTerminatedPods: uncounted,
    active = 0,
    ready = 0,
    terminating = 0,
    succeeded = 0,
    failed = 0,
    ...rest
  }: JobStatus) => ({
    ...rest,
    active,
    ready,
    terminating,
    succeeded,
    failed,
    noted: [uncounted?.succeeded ?? [], uncounted?.failed ?? []],
  });
  return a !== undefined && sameValue(plain(a), plain(b));
}

export function decideJob(observed: ObservedJob | ObservedStrays, nowMs: number): Action[] {
  if ('strays' in observed) return observed.strays.map(releasePod);
  const { job } = observed;
  const { managedBy } = job.spec ?? {};
  if (managedBy && managedBy !== 'kubernetes.io/job-controller') return [];
  if (isFinished(job)) return observed.pods.filter(isTracked).map(releasePod);
  const claimed = claim(job, job.spec?.selector, observed.pods, resources.pods);
  const pods = claimed.claimed;
  const plan: Plan = {
    job,
    nowMs,
    tally: tally(job, pods),
    status: { ...job.status, conditions: [...(job.status?.conditions ?? [])] },
    created: [],
    removed: [],
    events: [],
    laterMs: [],
  };
  const { status } = plan;
  Object.assign(status, plan.tally.counted);
  if (!status.startTime && !job.spec?.suspend) status.startTime = timestamp(nowMs);
  let condition = ending(plan, pods);
  if (condition) plan.removed.push(...plan.tally.active);
  else if (!isDeleting(job)) managePods(plan, pods);
  const active = plan.tally.active.length - plan.removed.length + plan.created.length;
  const { completions } = job.spec ?? {};
  const enough = completions === undefined ? plan.tally.succeeded > 0 : plan.tally.succeeded >= completions;
  if (!condition && enough && active === 0) {
    condition = makeCondition(
      'SuccessCriteriaMet',
      'CompletionsReached',
      'Reached expected number of succeeded pods',
      nowMs,
    );
  }
  const onNodes = plan.removed.filter((pod) => pod.spec?.nodeName || isTracked(pod)).length;
  const terminating = plan.tally.terminating + onNodes;
  if (condition) end(plan, condition, active, terminating);
  else if (!isDeleting(job)) noteSuspension(plan);
  Object.assign(status, { active, ready: plan.tally.ready - plan.removed.filter(isReady).length, terminating });
  return [...claimed.actions, ...writes(plan)];
}

function writes(plan: Plan): Action[] {
  const { job, status, nowMs } = plan;
  const { activeDeadlineSeconds, suspend } = job.spec ?? {};
  if (activeDeadlineSeconds !== undefined && !suspend && status.startTime) {
    const leftMs = Date.parse(status.startTime) + activeDeadlineSeconds * 1000 - nowMs;
    if (leftMs > 0) plan.laterMs.push(leftMs);
  }
  const update: Action[] = isSameStatus(job.status, status)
    ? []
    : [{ do: 'update', of: resources.jobs, object: asObject({ ...job, status }), subresource: 'status' }];
  return [
    ...plan.created,
    ...plan.removed.map((pod) => removePod(job, pod)),
    // What holds the pods goes only after what they came to is written.
    ...update,
    ...plan.events,
    ...plan.tally.release.map(releasePod),
    ...(plan.laterMs.length > 0 ? [{ do: 'requeue', afterMs: Math.min(...plan.laterMs) } as const] : []),
  ];
}

export function failedJob(observed: ObservedJob | ObservedStrays, failures: readonly Failure[]): Action[] {
  if ('strays' in observed) return [];
  const { job } = observed;
  return failures.flatMap(({ action, error }): Action[] => {
    if (action.do !== 'create' && action.do !== 'delete') return [];
    const [reason, verb] = action.do === 'create' ? ['FailedCreate', 'creating'] : ['FailedDelete', 'deleting'];
    return [
      {
        do: 'event',
        about: asObject(job),
        type: 'Warning',
        reason: reason!,
        message: `Error ${verb}: ${error.message}`,
      },
    ];
  });
}
