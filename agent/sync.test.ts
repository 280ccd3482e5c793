import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { NodeSyncRequest, NodeSyncResponse } from '../core/api/node-sync.ts';
import type { PodStatus } from '../core/api/types.gen.ts';
import { type SentEvent, SyncLoop } from './sync.ts';

const reportOf = (name: string, status: PodStatus = {}) => ({ namespace: 'ns', name, uid: name, status });

/** A loop whose calls the test answers, and whose timers it moves. */
async function loop(t: TestContext, apply = (): void => undefined) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const calls: { request: NodeSyncRequest; answer(): void; fail(): void }[] = [];
  const sync = new SyncLoop({
    call: (request) =>
      new Promise((resolve, reject) => {
        const answer = () => resolve({ since: '1', refused: [], nextSyncMs: 10_000 } as unknown as NodeSyncResponse);
        calls.push({ request, answer, fail: () => reject(new Error('away')) });
      }),
    apply,
    peers: false,
    leaseDurationSeconds: 40,
    intervalMs: 10_000,
    log: () => undefined,
  });
  t.after(() => sync.close());
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await turn();
  };
  const pass = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    await settle();
  };
  sync.start();
  await settle();
  calls[0]?.answer();
  await settle();
  const told = (index: number) => calls[index]?.request.podStatuses.map(({ name }) => name);
  return { sync, calls, settle, pass, told };
}

test('the doorbell makes a call without any timer', async (t) => {
  const { sync, calls, settle } = await loop(t);
  sync.ring();
  sync.ring();
  await settle();
  assert.equal(calls.length, 2);
});

test('an answer that could not be taken in is asked for again', async (t) => {
  let broken = true;
  const { calls, settle, pass } = await loop(t, () => {
    if (broken) throw new Error('oops');
  });
  broken = false;
  await pass(10_000);
  assert.equal(calls[1]?.request.since, undefined);
  calls[1]?.answer();
  await settle();
  await pass(10_000);
  assert.equal(calls[2]?.request.since, '1');
});

test('a patient report waits a little, goes with the next one that is in a hurry, and is not lost without it', async (t) => {
  const { sync, calls, settle, pass, told } = await loop(t);
  sync.report(reportOf('a'), true);
  await pass(399);
  assert.equal(calls.length, 1);
  sync.report(reportOf('b'));
  await pass(1);
  assert.deepEqual(told(1), ['a', 'b']);
  calls[1]?.answer();
  await settle();
  sync.report(reportOf('c'), true);
  await pass(400);
  assert.deepEqual(told(2), ['c']);
});

test('what comes while a call is under way goes with the next one at once, its newest status only', async (t) => {
  const { sync, calls, settle, pass, told } = await loop(t);
  sync.ring();
  await settle();
  sync.report(reportOf('a', { phase: 'Pending' }), true);
  sync.report(reportOf('a', { phase: 'Running' }));
  calls[1]?.answer();
  await settle();
  await pass(1);
  assert.deepEqual(told(2), ['a']);
  assert.equal(calls[2]?.request.podStatuses[0]?.status.phase, 'Running');
});

test('a doorbell during a call makes one more, and reports of a call that failed are sent again', async (t) => {
  const { sync, calls, settle, pass, told } = await loop(t);
  sync.report(reportOf('a'));
  await pass(1);
  sync.ring();
  calls[1]?.answer();
  await settle();
  assert.equal(calls.length, 3);
  sync.report(reportOf('b'));
  calls[2]?.answer();
  await settle();
  await pass(1);
  assert.deepEqual(told(3), ['b']);
  calls[3]?.fail();
  await settle();
  await pass(100);
  assert.deepEqual(told(4), ['b']);
});

test('events go with the next call, a hundred at most, and count as told once it is answered', async (t) => {
  const { sync, calls, settle, pass } = await loop(t);
  const named = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ metadata: { name: `e${from + i}` } }) as unknown as SentEvent);
  const sent = (index: number) => calls[index]?.request.events?.map(({ metadata }) => metadata.name);
  const told: string[] = [];
  void sync.reportEvents(named(0, 120)).then(() => told.push('all'));
  await pass(1);
  assert.equal(sent(1)?.length, 100);
  calls[1]?.fail();
  await settle();
  await pass(100);
  assert.deepEqual(sent(2), sent(1));
  calls[2]?.answer();
  await settle();
  await pass(1);
  assert.deepEqual([sent(3)?.length, sent(3)?.at(-1), told], [20, 'e119', []]);
  calls[3]?.answer();
  await settle();
  assert.deepEqual(told, ['all']);
  sync.ring();
  await settle();
  assert.equal(sent(4), undefined);
});
