// Jobs: pods until enough have succeeded, or too many failed.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/job/
import { isStatus } from '../../api/errors.ts';
import { sameValue } from '../../api/kinds/findings.ts';
import { controllerOf } from '../../api/owners.ts';
import type { JobStatus } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Failure } from '../controller.ts';
import { asObject, claim, isDeleting } from '../owner.ts';
import { withoutFinalizer } from '../patch-metadata.ts';
import { isActive, isReady, type StoredPod } from '../pod-state.ts';
import { end, ending, isFinished, makeCondition, noteSuspension } from './ending.ts';
import { managePods } from './manage-pods.ts';
import type { Plan } from './plan.ts';
import { indexOf, isTracked, type StoredJob, trackingFinalizer } from './pods.ts';
import { tally } from './tally.ts';

export interface ObservedJob {
  job: StoredJob;
  /** Owned by it, or free and matching its selector. */
  pods: readonly StoredPod[];
  /** Names of pods of its namespace that nobody owns. */
  otherNames: readonly string[];
}

/** Pods whose job is gone: nobody counts them any more, so nothing may hold them. */
export interface ObservedStrays {
  strays: readonly StoredPod[];
}

/** No job holds it any more. */
export const releasePod = (pod: StoredPod): Action =>
  withoutFinalizer(resources.pods, asObject(pod), trackingFinalizer);

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
  if (isFinished(job)) return leaveFinished(job, observed.pods);
  const claimed = claim(job, job.spec?.selector, observed.pods, resources.pods, [trackingFinalizer]);
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
  if (!condition && !isDeleting(job)) holdLastFailures(plan);
  if (condition) plan.removed.push(...plan.tally.active);
  else if (!isDeleting(job)) managePods(plan, pods, observed.otherNames);
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
  const onNodes = plan.removed.filter((pod) => pod.spec?.nodeName || (condition && isTracked(pod))).length;
  const terminating = plan.tally.terminating + onNodes;
  if (condition) end(plan, condition, active, terminating);
  else if (!isDeleting(job)) noteSuspension(plan);
  Object.assign(status, { active, ready: plan.tally.ready - plan.removed.filter(isReady).length, terminating });
  // Pods that end with the job count as failed. Others that are removed do not: they are let go before.
  const uncounted = condition ? [] : plan.removed.filter(isTracked);
  return [...claimed.actions, ...uncounted.map(releasePod), ...writes(plan)];
}

/** Its pods are let go; one that still runs was made by who did not know yet. */
function leaveFinished(job: StoredJob, pods: readonly StoredPod[]): Action[] {
  const running = pods.filter((pod) => isActive(pod) && controllerOf(pod)?.uid === job.metadata.uid);
  return [...pods.filter(isTracked).map(releasePod), ...running.map((pod) => removePod(job, pod))];
}

/** How often an index has failed stands in its last pod alone, which stays until another took its place. */
function holdLastFailures({ tally }: Plan): void {
  const settled = new Set([...tally.active.map(indexOf), ...tally.succeededIndexes, ...tally.failedIndexes]);
  const held = new Set([...tally.lastFailed].flatMap(([index, pod]) => (settled.has(index) ? [] : pod)));
  tally.release = tally.release.filter((pod) => !held.has(pod));
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
    // A name taken is a pod of the job that the cache is about to show.
    if (isStatus(error, 'AlreadyExists')) return [];
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
