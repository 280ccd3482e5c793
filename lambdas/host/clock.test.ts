// Timers run in order while an invocation does, and wait between invocations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { InvocationClock } from './clock.ts';

function started() {
  const host = manualPorts();
  const clock = new InvocationClock(host.clock);
  const fired: string[] = [];
  const after = (name: string, ms: number, slackMs?: number) => clock.after(ms, () => fired.push(name), slackMs);
  return { host, clock, fired, after };
}

test('timers fire in order of time, and of two at one time the one asked for first', () => {
  const { host, clock, fired, after } = started();
  after('c', 300);
  after('a', 100);
  after('b', 100);
  clock.begin();
  host.pass(99);
  assert.deepEqual(fired, []);
  host.pass(300);
  assert.deepEqual(fired, ['a', 'b', 'c']);
});

test('between invocations nothing fires; what fell due meanwhile does at the next', () => {
  const { host, clock, fired, after } = started();
  clock.begin();
  after('a', 100);
  clock.end();
  host.pass(1_000);
  assert.deepEqual(fired, []);
  assert.equal(clock.nextMs, 0);
  clock.begin();
  assert.deepEqual(fired, ['a']);
  assert.equal(clock.nextMs, undefined);
});

test('a cancelled timer never fires, also when it is the next', () => {
  const { host, clock, fired, after } = started();
  clock.begin();
  const cancel = after('a', 100);
  after('b', 200);
  cancel();
  host.pass(200);
  assert.deepEqual(fired, ['b']);
});

test('who sleeps need not wake before the earliest time that is still well', () => {
  const { host, clock, after } = started();
  after('resync', 1_000, 60_000);
  after('due', 5_000);
  assert.equal(clock.nextMs, 1_000);
  assert.equal(clock.nextDueMs, 5_000);
  host.pass(4_000);
  assert.equal(clock.nextMs, 0);
  assert.equal(clock.nextDueMs, 1_000);
});

test('what a timer asks for at once comes after the others that are due', () => {
  const { host, clock, fired, after } = started();
  clock.after(10, () => {
    fired.push('first');
    after('again', 0);
  });
  after('second', 10);
  clock.begin();
  host.pass(10);
  assert.deepEqual(fired, ['first', 'second', 'again']);
});
