// Silence as looks count it: by the ticks' time, whoever looks, and never through a hole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shutdownTaint } from '../../api/node-shutdown.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { at, nowMs } from '../fixture/objects.ts';
import { clockHeartbeats, type HeartbeatRecord, isSuspicious, lookedAgain, RecordedHeartbeats } from './heartbeats.ts';
import { decideMachine } from './instance.ts';

const minutes = (count: number): number => count * 60_000;

/** A new process at each look, as a cold function is. */
function look(record: HeartbeatRecord | undefined, minute: number, reports: Record<string, string>) {
  const heartbeats = new RecordedHeartbeats();
  for (const [node, report] of Object.entries(reports)) heartbeats.note(node, 'lease', report);
  const next = lookedAgain(record, minutes(minute), heartbeats.reports());
  heartbeats.record = next;
  return { record: next, heartbeats };
}

test('a node that says the same at each look is silent from the first on; one that says something is not', () => {
  let seen = look(undefined, 0, { a: '1', b: '1' });
  for (const minute of [2, 4, 6]) seen = look(seen.record, minute, { a: '1', b: String(minute) });
  assert.equal(seen.heartbeats.silentMs('a'), minutes(6));
  assert.equal(seen.heartbeats.silentMs('b'), 0);
  assert.equal(seen.heartbeats.watchedMs(), minutes(6));
  assert.ok(isSuspicious(seen.record));
});

test('silence at one look is usual, since a lease is renewed within half of its duration; at two it is suspicious', () => {
  let seen = look(undefined, 0, { a: '1' });
  seen = look(seen.record, 2, { a: '1' });
  assert.equal(isSuspicious(seen.record), false);
  seen = look(seen.record, 4, { a: '1' });
  assert.equal(isSuspicious(seen.record), true);
});

test('a sign of life between looks counts at once', () => {
  let seen = look(undefined, 0, { a: '1' });
  for (const minute of [2, 4]) seen = look(seen.record, minute, { a: '1' });
  seen.heartbeats.note('a', 'status', 'awake');
  assert.equal(seen.heartbeats.silentMs('a'), 0);
});

test('time in which nobody looked counts for nobody', () => {
  let seen = look(undefined, 0, { a: '1' });
  seen = look(seen.record, 2, { a: '1' });
  seen = look(seen.record, 62, { a: '1' });
  assert.equal(seen.heartbeats.silentMs('a'), 0);
  assert.equal(seen.heartbeats.watchedMs(), 0);
  seen = look(seen.record, 64, { a: '1' });
  assert.equal(seen.heartbeats.silentMs('a'), minutes(2));
});

test('a look that comes twice, or late, changes nothing', () => {
  const first = look(undefined, 0, { a: '1' }).record;
  const second = look(first, 2, { a: '1' }).record;
  assert.equal(lookedAgain(second, minutes(2), new Map([['a', 'other']])), second);
  assert.equal(lookedAgain(second, minutes(1), new Map([['a', 'other']])), second);
});

test('a node that nobody has looked at is not silent', () => {
  const heartbeats = new RecordedHeartbeats();
  heartbeats.note('new', 'lease', '1');
  assert.equal(heartbeats.silentMs('new'), 0);
});

/** A clock that jumps while its process is stopped, as a suspended machine's does. */
function stoppable() {
  const { clock, pass } = manualPorts();
  let jumpedMs = 0;
  const wall = { now: () => clock.now() + jumpedMs, after: clock.after };
  return { clock: wall, pass, jump: (ms: number) => (jumpedMs += ms) };
}

test('silence grows by the clock of a process that stays', () => {
  const { clock, pass } = stoppable();
  const heartbeats = clockHeartbeats(clock, 40_000);
  const end = heartbeats.begin();
  heartbeats.note('a', 'lease', '1');
  pass(60_000);
  assert.equal(heartbeats.silentMs('a'), 60_000);
  heartbeats.note('a', 'lease', '2');
  pass(10_000);
  assert.equal(heartbeats.silentMs('a'), 10_000);
  assert.equal(heartbeats.watchedMs(), 70_000);
  end();
});

test('a process that was stopped for a while has seen nobody report: every node gets its time anew', () => {
  const { clock, pass, jump } = stoppable();
  const heartbeats = clockHeartbeats(clock, 40_000);
  const end = heartbeats.begin();
  heartbeats.note('a', 'lease', '1');
  pass(30_000);
  jump(3_600_000);
  assert.equal(heartbeats.silentMs('a'), 0);
  assert.equal(heartbeats.watchedMs(), 0);
  pass(40_000);
  assert.equal(heartbeats.silentMs('a'), 40_000);
  end();
});

const node = (own: { key: string; effect: 'NoSchedule' }[] = []) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'i-1', uid: 'uid', resourceVersion: '6', creationTimestamp: at(-1000) },
  spec: { taints: own },
  status: { conditions: [{ type: 'Ready', status: 'True' as const, lastHeartbeatTime: at(-9) }] },
});
const doing = (actions: ReturnType<typeof decideMachine>): string[] =>
  actions.map((action) =>
    'subresource' in action && action.subresource ? `${action.do} ${action.subresource}` : action.do,
  );

test('a machine that is gone takes its node along, one that is down is tainted and not ready', () => {
  assert.deepEqual(doing(decideMachine(node(), 'gone', nowMs)), ['delete']);
  assert.deepEqual(doing(decideMachine(node(), 'down', nowMs)), ['patch', 'patch status']);
  assert.deepEqual(doing(decideMachine(node(), 'impaired', nowMs)), ['patch status']);
  assert.deepEqual(doing(decideMachine(node(), 'running', nowMs)), []);
  assert.deepEqual(doing(decideMachine(node([{ key: shutdownTaint, effect: 'NoSchedule' }]), 'running', nowMs)), [
    'patch',
  ]);
  assert.deepEqual(doing(decideMachine(node(), 'leaving', nowMs)), ['patch']);
});

test('taints of others stay when a machine goes down', () => {
  const [patch] = decideMachine(node([{ key: 'mine', effect: 'NoSchedule' }]), 'down', nowMs);
  assert.ok(patch?.do === 'patch');
  const { spec } = patch.patch as { spec: { taints: { key: string }[] } };
  assert.deepEqual(
    spec.taints.map(({ key }) => key),
    ['mine', shutdownTaint],
  );
});
