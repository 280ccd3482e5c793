// A job at each time of the schedule.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import type { CronJobSpec, CronJobStatus } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import { at, nowMs } from '../fixture/objects.ts';
import type { StoredJob } from '../job/pods.ts';
import { decideCronJob, type StoredCronJob } from './decide.ts';
import { nextTime, parseSchedule } from './schedule.ts';

const next = (schedule: string, from: string, zone = 'UTC'): string | undefined => {
  const found = nextTime(parseSchedule(schedule), zone, Date.parse(from));
  return found === undefined ? undefined : new Date(found).toISOString().slice(0, 16);
};

test('schedules: lists, ranges, steps, names and words', () => {
  assert.equal(next('*/15 * * * *', '2026-01-01T00:00:00Z'), '2026-01-01T00:15');
  assert.equal(next('0 9-17/4 * * mon-fri', '2026-01-02T14:00:00Z'), '2026-01-02T17:00');
  assert.equal(next('0 9 * * MON', '2026-01-02T14:00:00Z'), '2026-01-05T09:00');
  assert.equal(next('30 4 1,15 * 5', '2026-01-01T05:00:00Z'), '2026-01-02T04:30');
  assert.equal(next('0 0 29 feb *', '2026-01-01T00:00:00Z'), '2028-02-29T00:00');
  assert.equal(next('@hourly', '2026-01-01T00:00:00Z'), '2026-01-01T01:00');
  assert.equal(next('0 0 * * 7', '2026-01-01T00:00:00Z'), '2026-01-04T00:00');
  assert.equal(next('0 0 30 2 *', '2026-01-01T00:00:00Z'), undefined);
  assert.equal(next('@every 90s', '2026-01-01T00:00:00Z'), '2026-01-01T00:01');
  for (const wrong of ['* * * *', '60 * * * *', '5-1 * * * *', '*/0 * * * *', 'x * * * *', '@every x']) {
    assert.throws(() => parseSchedule(wrong), Error, wrong);
  }
});

test('schedules run by the clocks of their zone, also on the days these are put forward and back', () => {
  assert.equal(next('0 9 * * *', '2026-01-01T00:00:00Z', 'Asia/Tokyo'), '2026-01-02T00:00');
  assert.equal(next('30 8 * * *', '2026-07-01T00:00:00Z', 'America/New_York'), '2026-07-01T12:30');
  // Clocks go from 02:00 to 03:00 on 8 March: half past two is not there that day.
  assert.equal(next('30 2 * * *', '2026-03-08T05:00:00Z', 'America/New_York'), '2026-03-09T06:30');
  assert.equal(next('0 12 * * *', '2026-10-31T17:00:00Z', 'America/New_York'), '2026-11-01T17:00');
});

const makeCronJob = (spec: Partial<CronJobSpec> = {}, status: CronJobStatus = {}): StoredCronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'tick', namespace: 'default', uid: 'uid-tick', resourceVersion: '2', creationTimestamp: at(-90) },
  spec: {
    schedule: '* * * * *',
    concurrencyPolicy: 'Allow',
    jobTemplate: {
      metadata: { labels: { a: 'b' } },
      spec: { template: { spec: { containers: [{ name: 'c', image: 'v1' }] } } },
    },
    ...spec,
  },
  status,
});

const makeJob = (name: string, type?: 'Complete' | 'Failed', age = 60): StoredJob => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1' },
  status: {
    startTime: at(-age),
    ...(type ? { conditions: [{ type, status: 'True' }], completionTime: at(-age + 5) } : {}),
  },
});

const acts = (cronJob: StoredCronJob, jobs: StoredJob[] = []): string[] =>
  decideCronJob({ cronJob, jobs }, nowMs).flatMap((action: Action) => {
    if (action.do === 'create') return [`+${action.object.metadata.name}`];
    if (action.do === 'delete') return [`-${action.key.name}`];
    return action.do === 'event' ? [action.reason] : [];
  });

const current = `tick-${nowMs / 60_000}`;

test('when its time has come a job is made, and the time is noted', () => {
  assertGolden('controllers/cron-job', decideCronJob({ cronJob: makeCronJob(), jobs: [] }, nowMs));
});

test('between times it waits for the next', () => {
  const waiting = makeCronJob({ schedule: '30 * * * *' }, { lastScheduleTime: at(-1_800) });
  assert.deepEqual(decideCronJob({ cronJob: waiting, jobs: [] }, nowMs), [{ do: 'requeue', afterMs: 1_800_100 }]);
  assert.deepEqual(acts(makeCronJob({ suspend: true })), []);
});

test('a job that is still running is borne, waited for or replaced', () => {
  const running = [makeJob('old')];
  assert.deepEqual(acts(makeCronJob({}), running), [`+${current}`]);
  assert.deepEqual(acts(makeCronJob({ concurrencyPolicy: 'Forbid' }), running), ['JobAlreadyActive']);
  assert.deepEqual(acts(makeCronJob({ concurrencyPolicy: 'Replace' }), running), ['-old', `+${current}`]);
});

test('a time is answered once, and too late is too late', () => {
  assert.deepEqual(acts(makeCronJob(), [makeJob(current)]), []);
  const late = makeCronJob({ schedule: '0 0 * * *', startingDeadlineSeconds: 30 }, { lastScheduleTime: at(-86_400) });
  assert.deepEqual(
    decideCronJob({ cronJob: late, jobs: [] }, nowMs + 40_000).map((action) => action.do),
    ['requeue'],
  );
});

test('what ran is noted, and only so much of it is kept', () => {
  const reference = { apiVersion: 'batch/v1', kind: 'Job', name: 'a', namespace: 'default', uid: 'uid-a' };
  const lost = { ...reference, name: 'lost', uid: 'uid-lost' };
  const waiting = makeCronJob(
    { schedule: '30 * * * *', successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 },
    { lastScheduleTime: at(-1_800), active: [reference, lost] },
  );
  const jobs = [makeJob('a', 'Complete', 60), makeJob('b', 'Complete', 600), makeJob('c', 'Failed')];
  assert.deepEqual(acts(waiting, jobs), ['-b', '-c', 'SawCompletedJob', 'MissingJob']);
  const status = decideCronJob({ cronJob: waiting, jobs }, nowMs).flatMap((action) =>
    action.do === 'update' ? [action.object['status'] as CronJobStatus] : [],
  )[0];
  assert.deepEqual([status?.active, status?.lastSuccessfulTime], [[], at(-55)]);
});

test('a schedule or zone that cannot be read is told', () => {
  assert.deepEqual(acts(makeCronJob({ schedule: 'x' })), ['UnparseableSchedule']);
  assert.deepEqual(acts(makeCronJob({ timeZone: 'Moon/Base' })), ['UnknownTimeZone']);
});

test('after a long outage the last time counts, and it is told that many were missed', () => {
  const old = makeCronJob({}, { lastScheduleTime: at(-864_000) });
  assert.deepEqual(acts(old), ['TooManyMissedTimes', `+${current}`]);
});
