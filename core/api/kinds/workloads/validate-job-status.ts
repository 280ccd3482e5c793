// What a job's status may say, and how it may change: a finished job stays finished.
import type { FieldError } from '../../errors.ts';
import type { Job } from '../../types.gen.ts';
import { Findings } from '../findings.ts';

const has = (job: Job, type: string): boolean =>
  job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const refuse = (found: Findings, detail: string): void =>
  found.add([{ reason: 'FieldValueInvalid', field: 'status.conditions', message: `Invalid value: ${detail}` }]);

function checkConditions(found: Findings, job: Job): void {
  const complete = has(job, 'Complete');
  const failed = has(job, 'Failed');
  const failing = has(job, 'FailureTarget');
  const met = has(job, 'SuccessCriteriaMet');
  if (complete && failed) refuse(found, 'cannot set Complete=True and Failed=true conditions');
  if (complete && failing) refuse(found, 'cannot set Complete=True and FailureTarget=true conditions');
  if (failed && !failing) refuse(found, 'cannot set Failed=True condition without the FailureTarget=true condition');
  if (complete && !met)
    refuse(found, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if (met && failed) refuse(found, 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && failing) refuse(found, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
}

function checkTimes(found: Findings, job: Job): void {
  const { startTime, completionTime } = job.status ?? {};
  const complete = has(job, 'Complete');
  const at = 'status.completionTime';
  if (completionTime && !complete) {
    found.invalid(at, completionTime, 'cannot set completionTime when there is no Complete=True condition');
  }
  if (!completionTime && complete) found.required(at, 'completionTime is required for Complete jobs');
  if (startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
    found.invalid(at, completionTime, 'must be equal to or after `startTime`');
  }
  if (!startTime && (complete || has(job, 'Failed'))) {
    found.required('status.startTime', 'startTime is required for finished job');
  }
}

function checkCounts(found: Findings, job: Job): void {
  const status = job.status ?? {};
  for (const name of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) {
    found.nonNegative(`status.${name}`, status[name]);
  }
  const finished = has(job, 'Complete') || has(job, 'Failed');
  if (finished && (status.active ?? 0) > 0) {
    found.invalid('status.active', status.active, 'active>0 is invalid for finished job');
  }
  const uncounted = status.uncountedTerminatedPods;
  if (finished && (uncounted?.failed?.length ?? 0) + (uncounted?.succeeded?.length ?? 0) > 0) {
    const shown = { Succeeded: uncounted?.succeeded ?? null, Failed: uncounted?.failed ?? null };
    found.invalid('status.uncountedTerminatedPods', shown, 'must be empty for finished job');
  }
  if (finished && (status.terminating ?? 0) > 0) {
    found.invalid('status.terminating', status.terminating, 'terminating>0 is invalid for finished job');
  }
  if ((status.ready ?? 0) > (status.active ?? 0)) {
    found.invalid('status.ready', status.ready, 'cannot set more ready pods than active');
  }
}

export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const found = new Findings();
  checkCounts(found, job);
  checkConditions(found, job);
  checkTimes(found, job);
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (has(old, type) && !has(job, type)) refuse(found, `cannot disable the terminal ${type}=True condition`);
  }
  for (const name of ['failed', 'succeeded'] as const) {
    const value = job.status?.[name] ?? 0;
    if (value < (old.status?.[name] ?? 0))
      found.invalid(`status.${name}`, value, `cannot decrease the ${name} counter`);
  }
  const { startTime, completionTime } = job.status ?? {};
  if (completionTime && old.status?.completionTime && completionTime !== old.status.completionTime) {
    found.invalid('status.completionTime', completionTime, 'field is immutable');
  }
  if (old.status?.startTime && startTime !== old.status.startTime && !job.spec?.suspend) {
    found.invalid('status.startTime', startTime ?? null, 'field is immutable for unsuspended job once set');
  }
  if (has(old, 'SuccessCriteriaMet') && !has(job, 'SuccessCriteriaMet')) {
    refuse(found, 'cannot disable the SuccessCriteriaMet=True condition');
  }
  return found.errors;
}
