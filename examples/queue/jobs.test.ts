import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Jobs } from './jobs.ts';

const job = (id: string) => ({ id, work: null });

test('jobs are taken in turn, each by one worker, and are gone when they are acknowledged', () => {
  const jobs = new Jobs(10);
  for (const id of ['a', 'b']) assert.equal(jobs.put(job(id)), true);
  assert.deepEqual(jobs.take(0), { id: 'a', work: null, receipt: 1 });
  assert.deepEqual(jobs.take(0), { id: 'b', work: null, receipt: 2 });
  assert.equal(jobs.take(0), undefined);
  assert.equal(jobs.holds('a', 1), true);
  jobs.finish('a');
  assert.deepEqual(jobs.counts, { put: 2, waiting: 0, taken: 1, done: 1, givenBack: 0 });
});

test('a job is put once, however often its producer says so', () => {
  const jobs = new Jobs(10);
  jobs.put(job('a'));
  assert.equal(jobs.put(job('a')), false);
  jobs.take(0);
  assert.equal(jobs.put(job('a')), false);
  jobs.finish('a');
  assert.equal(jobs.put(job('a')), false);
  assert.equal(jobs.counts.put, 1);
});

test('a silent worker loses its job to another, and its receipt counts no more', () => {
  const jobs = new Jobs(10);
  jobs.put(job('a'));
  const first = jobs.take(0)!;
  assert.equal(jobs.take(9), undefined);
  const second = jobs.take(10)!;
  assert.equal(second.id, 'a');
  assert.deepEqual([jobs.holds('a', first.receipt), jobs.holds('a', second.receipt)], [false, true]);
  assert.equal(jobs.counts.givenBack, 1);
});
