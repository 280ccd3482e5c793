import type { FieldError } from '../../errors.ts';
import type { CronJob, CronJobSpec } from '../../types.gen.ts';
import { byteLength, Findings } from '../findings.ts';
import { isTimeZone, scheduleProblem } from './cron-schedule.ts';
import { validateJobSpec } from './validate-job.ts';

/** A job's name is the cron job's with a dash and a number of ten digits. */
const maxNameBytes = 52;

function validateTimeZone(found: Findings, zone: string | undefined): void {
  const field = 'spec.timeZone';
  if (zone === undefined) return;
  const parts = zone.split('/');
  if (zone === '') found.invalid(field, zone, 'timeZone must be nil or non-empty string');
  else if (!parts.every((part) => /^[A-Za-z.\-_0-9+]{1,14}$/.test(part) && !/^(\.\.?$|-)/.test(part))) {
    found.invalid(field, zone, `unknown time zone ${zone}`);
  } else if (zone.toLowerCase() === 'local') {
    found.invalid(field, zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  } else if (!isTimeZone(zone)) found.invalid(field, zone, `unknown time zone ${zone}`);
}

function validateSchedule(found: Findings, spec: CronJobSpec, old: CronJobSpec | undefined): void {
  const { schedule } = spec;
  if (!schedule) {
    found.required('spec.schedule');
    return;
  }
  const problem = scheduleProblem(schedule);
  if (problem) found.invalid('spec.schedule', schedule, problem);
  if (!schedule.includes('TZ')) return;
  if (!old?.schedule.includes('TZ')) {
    found.invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  } else if (spec.timeZone !== undefined) {
    found.invalid('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
  }
}

function validateSpec(found: Findings, spec: CronJobSpec, old: CronJobSpec | undefined): void {
  validateSchedule(found, spec, old);
  found.nonNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  if (!old || old.timeZone !== spec.timeZone) validateTimeZone(found, spec.timeZone);
  found.oneOf('spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  const job = spec.jobTemplate?.spec ?? { template: {} };
  validateJobSpec(found, 'spec.jobTemplate.spec', { ...job, template: job.template ?? {} });
  if (job.selector) found.invalid('spec.jobTemplate.spec.selector', job.selector, '`selector` will be auto-generated');
  if (job.manualSelector) found.unsupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']);
  found.nonNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  found.nonNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
}

export function validateCronJob(cronJob: CronJob): FieldError[] {
  const found = new Findings();
  validateSpec(found, cronJob.spec!, undefined);
  const name = cronJob.metadata?.name ?? '';
  if (byteLength(name) > maxNameBytes) found.invalid('metadata.name', name, 'must be no more than 52 characters');
  return found.errors;
}

export function validateCronJobUpdate(cronJob: CronJob, old: CronJob, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource !== 'status') validateSpec(found, cronJob.spec!, old.spec);
  return found.errors;
}
