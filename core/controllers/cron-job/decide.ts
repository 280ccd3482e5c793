// Cron jobs: a job at each time of the schedule.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
import { isStatus } from '../../api/errors.ts';
import { sameValue } from '../../api/kinds/findings.ts';
import { keyOf, type Stored } from '../../api/objects.ts';
import type { CronJob, CronJobStatus, ObjectReference } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import type { Action, Failure } from '../controller.ts';
import type { StoredJob } from '../job/pods.ts';
import { asObject, controllerReference, isDeleting } from '../owner.ts';
import { nextTime, parseSchedule, type Schedule } from './schedule.ts';

export type StoredCronJob = Stored<CronJob>;

export interface ObservedCronJob {
  cronJob: StoredCronJob;
  /** Owned by it. */
  jobs: readonly StoredJob[];
}

const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** More missed times than this say that something is wrong. */
const MISSED_LIMIT = 100;
/** So that a timer that is a little early does not come before its time. */
const MARGIN_MS = 100;

const finishedAs = ({ status }: StoredJob): 'Complete' | 'Failed' | undefined =>
  status?.conditions?.find((one) => (one.type === 'Complete' || one.type === 'Failed') && one.status === 'True')
    ?.type as 'Complete' | 'Failed' | undefined;

const event = (cronJob: StoredCronJob, type: 'Normal' | 'Warning', reason: string, message: string): Action => ({
  do: 'event',
  about: asObject(cronJob),
  type,
  reason,
  message,
});

const referenceTo = (job: StoredJob): ObjectReference => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  namespace: job.metadata.namespace,
  name: job.metadata.name,
  uid: job.metadata.uid,
  resourceVersion: job.metadata.resourceVersion,
});

function removeJob(cronJob: StoredCronJob, job: StoredJob): Action {
  const told = event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata.name}`);
  const { do: _do, ...note } = told as Extract<Action, { do: 'event' }>;
  const options = { uid: job.metadata.uid, propagationPolicy: 'Background' } as const;
  return { do: 'delete', of: resources.jobs, key: keyOf(job), options, event: note };
}

/** What is running, and what the jobs that ended since came to. */
function track({ cronJob, jobs }: ObservedCronJob): { status: CronJobStatus; events: Action[] } {
  const { status = {} } = cronJob;
  const events: Action[] = [];
  const active = jobs.filter((job) => !finishedAs(job) && !isDeleting(job));
  const known = new Map((status.active ?? []).map((reference) => [reference.uid, reference]));
  let { lastSuccessfulTime } = status;
  for (const job of jobs) {
    const ended = finishedAs(job);
    if (!ended) continue;
    const { completionTime } = job.status ?? {};
    if (ended === 'Complete' && completionTime && (!lastSuccessfulTime || completionTime > lastSuccessfulTime)) {
      lastSuccessfulTime = completionTime;
    }
    if (known.has(job.metadata.uid)) {
      const message = `Saw completed job: ${job.metadata.name}, condition: ${ended}`;
      events.push(event(cronJob, 'Normal', 'SawCompletedJob', message));
    }
  }
  const there = new Set(jobs.map(({ metadata }) => metadata.uid));
  for (const [uid, { name }] of known) {
    if (uid && !there.has(uid)) events.push(event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`));
  }
  // References are kept as they were noted: a job's own progress is not the cron job's.
  const references = active.map((job) => known.get(job.metadata.uid) ?? referenceTo(job));
  return { status: { ...status, lastSuccessfulTime, active: references }, events };
}

/** The oldest of those that ended, beyond what is kept. */
function surplusHistory({ cronJob, jobs }: ObservedCronJob): StoredJob[] {
  const { successfulJobsHistoryLimit: succeeded = 3, failedJobsHistoryLimit: failed = 1 } = cronJob.spec ?? {};
  const started = ({ status, metadata }: StoredJob): string => status?.startTime ?? metadata.creationTimestamp ?? '';
  const surplus = (type: 'Complete' | 'Failed', limit: number): StoredJob[] => {
    const ended = jobs.filter((job) => finishedAs(job) === type && !isDeleting(job));
    ended.sort((a, b) => (started(a) < started(b) ? -1 : 1));
    return ended.slice(0, Math.max(0, ended.length - limit));
  };
  return [...surplus('Complete', succeeded), ...surplus('Failed', failed)];
}

/** The last time of the schedule that has come and was not answered, and how many were missed. */
function lastDue(
  cronJob: StoredCronJob,
  schedule: Schedule,
  zone: string,
  nowMs: number,
): { dueMs?: number; missed: number } {
  const { startingDeadlineSeconds } = cronJob.spec ?? {};
  const since = cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? '';
  let fromMs = Date.parse(since) || nowMs;
  if (startingDeadlineSeconds !== undefined) fromMs = Math.max(fromMs, nowMs - startingDeadlineSeconds * 1000);
  let dueMs: number | undefined;
  let missed = 0;
  for (
    let time = nextTime(schedule, zone, fromMs);
    time !== undefined && time <= nowMs;
    time = nextTime(schedule, zone, time)
  ) {
    dueMs = time;
    missed++;
    // Long ago: go on shortly before now, the last one is what matters.
    if (missed > MISSED_LIMIT && time < nowMs - 60_000 * MISSED_LIMIT) {
      const recent = nextTime(schedule, zone, nowMs - 60_000 * MISSED_LIMIT);
      if (recent !== undefined && recent <= nowMs) dueMs = time = recent;
    }
  }
  return { missed, ...(dueMs === undefined ? {} : { dueMs }) };
}

const jobName = ({ metadata }: StoredCronJob, dueMs: number): string =>
  `${metadata.name}-${Math.floor(dueMs / 60_000)}`;

function createJob(cronJob: StoredCronJob, dueMs: number): Action {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {};
  const name = jobName(cronJob, dueMs);
  const object = asObject({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: cronJob.metadata.namespace,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: timestamp(dueMs) },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec,
  });
  const note = {
    about: asObject(cronJob),
    type: 'Normal',
    reason: 'SuccessfulCreate',
    message: `Created job ${name}`,
  } as const;
  return { do: 'create', of: resources.jobs, object, event: note };
}

interface Start {
  actions: Action[];
  /** What the schedule was answered with. */
  lastScheduleTime?: string;
}

function start({ cronJob, jobs }: ObservedCronJob, dueMs: number, nowMs: number): Start {
  const { concurrencyPolicy, startingDeadlineSeconds } = cronJob.spec ?? {};
  const lastScheduleTime = timestamp(dueMs);
  if (jobs.some(({ metadata }) => metadata.name === jobName(cronJob, dueMs))) return { actions: [], lastScheduleTime };
  if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1000 < nowMs) {
    const message = `Missed scheduled time to start a job: ${timestamp(dueMs)}`;
    return { actions: [event(cronJob, 'Warning', 'MissSchedule', message)] };
  }
  const running = jobs.filter((job) => !finishedAs(job) && !isDeleting(job));
  if (concurrencyPolicy === 'Forbid' && running.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    return { actions: [event(cronJob, 'Normal', 'JobAlreadyActive', message)] };
  }
  const replaced = concurrencyPolicy === 'Replace' ? running.map((job) => removeJob(cronJob, job)) : [];
  return { actions: [...replaced, createJob(cronJob, dueMs)], lastScheduleTime };
}

function writeStatus(cronJob: StoredCronJob, status: CronJobStatus): Action[] {
  if (sameValue(cronJob.status ?? {}, status)) return [];
  return [{ do: 'update', of: resources.cronJobs, object: asObject({ ...cronJob, status }), subresource: 'status' }];
}

export function decideCronJob(observed: ObservedCronJob, nowMs: number): Action[] {
  const { cronJob } = observed;
  const { status, events } = track(observed);
  const history = surplusHistory(observed).map((job) => removeJob(cronJob, job));
  const rest = (extra: Action[] = []): Action[] => [...history, ...extra, ...writeStatus(cronJob, status), ...events];
  if (isDeleting(cronJob) || cronJob.spec?.suspend) return rest();
  const zone = cronJob.spec?.timeZone ?? 'UTC';
  let schedule: Schedule;
  let due: ReturnType<typeof lastDue>;
  try {
    schedule = parseSchedule(cronJob.spec?.schedule ?? '');
    due = lastDue(cronJob, schedule, zone, nowMs);
  } catch (error) {
    const zoneIsWrong = error instanceof RangeError;
    const message = zoneIsWrong
      ? `invalid timeZone: "${zone}": unknown time zone ${zone}`
      : `unparseable schedule: "${cronJob.spec?.schedule}" : ${(error as Error).message}`;
    return rest([event(cronJob, 'Warning', zoneIsWrong ? 'UnknownTimeZone' : 'UnparseableSchedule', message)]);
  }
  const { dueMs, missed } = due;
  const begun: Start = dueMs === undefined ? { actions: [] } : start(observed, dueMs, nowMs);
  if (begun.lastScheduleTime) status.lastScheduleTime = begun.lastScheduleTime;
  const tooMany = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
  const warning = missed > MISSED_LIMIT ? [event(cronJob, 'Warning', 'TooManyMissedTimes', tooMany)] : [];
  const next = nextTime(schedule, zone, nowMs);
  return [
    ...rest([...warning, ...begun.actions]),
    ...(next === undefined ? [] : [{ do: 'requeue', afterMs: next - nowMs + MARGIN_MS } as const]),
  ];
}

export function failedCronJob({ cronJob }: ObservedCronJob, failures: readonly Failure[]): Action[] {
  return failures.flatMap(({ action, error }): Action[] => {
    // The job of this time is there already: the next look at the cache says so.
    if (action.do !== 'create' || isStatus(error, 'AlreadyExists')) return [];
    return [event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${error.message}`)];
  });
}
