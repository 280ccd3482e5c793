// How a job ends: by enough successes, too many failures, its deadline or a policy of its own; and how it is suspended.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup
import type { JobCondition, JobStatus } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import { asObject } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { parseIndexes } from './indexes.ts';
import type { Plan } from './plan.ts';
import { hasFailed, isIndexed, judgeFailure, type StoredJob } from './pods.ts';

const isTrue = (status: JobStatus | undefined, type: string): JobCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');

export const isFinished = ({ status }: StoredJob): boolean =>
  Boolean(isTrue(status, 'Complete') ?? isTrue(status, 'Failed'));

/** What it comes to is settled, its pods are on their way out. */
export const isEnding = ({ status }: StoredJob): boolean =>
  Boolean(isTrue(status, 'SuccessCriteriaMet') ?? isTrue(status, 'FailureTarget'));

export const makeCondition = (
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
export function ending(
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

export function noteSuspension(plan: Plan): void {
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
export function end(plan: Plan, condition: JobCondition, activeAfter: number, terminatingAfter: number): void {
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
