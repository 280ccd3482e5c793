// Who wakes a function again, and that nobody is asked twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { planTick } from '../tick/plan.ts';
import { readState, updateState } from './function-state.ts';
import { Waker } from './wake.ts';

function wakerOf(store = new MemoryStore(), withQueue = true) {
  const host = manualPorts();
  const sent: number[] = [];
  const sendDelayed = withQueue ? async (seconds: number) => void sent.push(seconds) : undefined;
  return { host, store, sent, waker: new Waker({ name: 'controllers', store, clock: host.clock, sendDelayed }) };
}

test('what is due within a quarter of an hour is a delayed message; none is sent while an earlier one is on its way', async () => {
  const { host, sent, store, waker } = wakerOf();
  await waker.plan(30_200, false);
  await waker.plan(60_000, false);
  assert.deepEqual(sent, [31]);
  await waker.plan(5_000, false);
  assert.deepEqual(sent, [31, 5]);
  host.pass(5_000);
  await waker.plan(60_000, false);
  assert.deepEqual(sent, [31, 5, 60]);
  assert.deepEqual((await readState(store)).due, {});
});

test('a message that comes at the second after a due time serves it', async () => {
  const { host, sent, waker } = wakerOf();
  await waker.plan(30_200, false);
  // Looked at again and again meanwhile, the due time is the same.
  for (const passed of [150, 250, 5_000]) {
    host.pass(passed);
    await waker.plan(30_200 - (host.clock.now() - Date.UTC(2026, 0, 1)), false);
  }
  assert.deepEqual(sent, [31]);
});

test('what is due later stands where the tick reads it, and goes when the tick has come', async () => {
  const { host, sent, store, waker } = wakerOf();
  await waker.plan(3_600_000, false);
  assert.deepEqual(sent, []);
  assert.deepEqual((await readState(store)).due, { controllers: host.clock.now() + 3_600_000 });
  await waker.plan(undefined, true);
  assert.deepEqual((await readState(store)).due, {});
});

test('a time that stands and is still to come is not written again for a later one, whoever woke the function', async () => {
  const { host, store, waker } = wakerOf();
  await waker.plan(3_600_000, false);
  const stands = { controllers: host.clock.now() + 3_600_000 };
  host.pass(120_000);
  await waker.plan(3_600_000, true);
  assert.deepEqual((await readState(store)).due, stands);
  host.pass(3_450_000);
  // Now it is what the tick came for.
  await waker.plan(3_600_000, true);
  assert.deepEqual((await readState(store)).due, { controllers: host.clock.now() + 3_600_000 });
});

test('without a queue the tick does all, and an earlier wish of another instance stands', async () => {
  const store = new MemoryStore();
  const first = wakerOf(store, false);
  const second = wakerOf(store, false);
  await first.waker.plan(60_000, false);
  await second.waker.plan(120_000, false);
  assert.deepEqual((await readState(store)).due, { controllers: first.host.clock.now() + 60_000 });
});

test('of two that write the state at once neither is lost', async () => {
  const store = new MemoryStore();
  const add = (name: 'scheduler' | 'workers', dueMs: number) =>
    updateState(store, (state) => ({ ...state, due: { ...state.due, [name]: dueMs } }));
  await Promise.all([add('scheduler', 1), add('workers', 2)]);
  assert.deepEqual((await readState(store)).due, { scheduler: 1, workers: 2 });
});

const minute = (count: number): number => Date.UTC(2026, 0, 1) + count * 60_000;
const called = (state: Parameters<typeof planTick>[0], tickMs: number): string[] =>
  planTick(state, tickMs).calls.map(
    ({ to, call }) => `${to}${call.look ? ' look' : ''}${call.resync ? ' resync' : ''}`,
  );

test('an idle cluster wakes nobody but once an hour', () => {
  const all = Array.from({ length: 59 }, (_, i) => called({ due: {} }, minute(i + 1))).flat();
  assert.deepEqual(all, []);
  assert.deepEqual(called({ due: {} }, minute(60)), ['scheduler resync', 'controllers resync', 'workers resync']);
});

test('who is due before the next tick is woken by this one, with the time of the tick', () => {
  const state = { due: { controllers: minute(3) + 59_000, workers: minute(5) } };
  assert.deepEqual(called(state, minute(3)), ['controllers']);
  assert.deepEqual(called({ due: {}, lookDueMs: minute(3) }, minute(3)), ['controllers look']);
  assert.deepEqual(called({ due: {}, lookDueMs: minute(4) }, minute(3)), []);
  assert.equal(planTick(state, minute(3)).calls[0]?.call.tick, '2026-01-01T00:03:00.000Z');
});
