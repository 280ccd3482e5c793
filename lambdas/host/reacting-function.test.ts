// One invocation: what it reads, what it leaves, and what it says of a batch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../../core/api/errors.ts';
import { FakeApi } from '../../core/client/fixture/fake-api.ts';
import { manualPorts } from '../../core/client/fixture/manual-ports.ts';
import { Informers } from '../../core/client/informers.ts';
import { resources } from '../../core/client/resources.ts';
import type { Action } from '../../core/controllers/controller.ts';
import { configMap, lookingController } from '../../core/controllers/fixture/looking.ts';
import { ControllerRunner } from '../../core/controllers/runner.ts';
import { MemoryStore } from '../../core/store/memory.ts';
import { turns } from '../../test/turns.ts';
import { InvocationClock } from './clock.ts';
import type { FunctionEvent, StreamChange } from './event.ts';
import { invoke, type ReactingFunction } from './reacting-function.ts';
import { noting } from './reaction.ts';
import { Waker } from './wake.ts';

function world(decide: (name: string) => Action[] = () => []) {
  const host = manualPorts();
  const api = new FakeApi(host);
  const clock = new InvocationClock(host.clock);
  const ports = { ...host, clock };
  const written = new Set<string>();
  let reads = 0;
  let isDown = false;
  const inner = api.client();
  const client = noting(
    {
      ...inner,
      list: (...args: Parameters<typeof inner.list>) => {
        reads++;
        if (isDown) return Promise.reject(new StatusError('ServiceUnavailable', 'down'));
        return inner.list(...args);
      },
    } as typeof inner,
    written,
  );
  const informers = new Informers(client, ports);
  const { controller, looked } = lookingController(decide);
  const runner = new ControllerRunner(controller, { client, ports, informers });
  runner.pause();
  const synced = informers
    .for(resources.configMaps)
    .whenSynced()
    .then(() => runner.start());
  const part = {
    synced,
    get idle() {
      return runner.idle;
    },
    whenIdle: () => runner.whenIdle(),
    pause: () => runner.pause(),
    resume: () => runner.resume(),
  };
  const sent: number[] = [];
  const sendDelayed = async (seconds: number): Promise<void> => void sent.push(seconds);
  const reacting: ReactingFunction = {
    parts: { clock, informers, parts: [part], written, isFollowed: () => true },
    waker: new Waker({ name: 'controllers', store: new MemoryStore(), clock, sendDelayed }),
    decode: (records) =>
      records.map((record) => {
        const { told } = record as unknown as { told?: StreamChange };
        if (!told) throw new Error('what is this?');
        return told;
      }),
    log: host.log,
  };
  return {
    host,
    api,
    looked,
    sent,
    reacting,
    reads: () => reads,
    down: (value: boolean) => {
      isDown = value;
    },
    invoke: async (event: FunctionEvent, ms = 60_000) => {
      const answer = invoke(reacting, event, () => ms);
      answer.catch(() => {});
      await turns();
      return await answer;
    },
  };
}

const record = (revision: number, resource = 'configmaps') => ({
  dynamodb: { SequenceNumber: `s${revision}` },
  told: { resource, revision, sequenceNumber: `s${revision}` },
});
const batch = (...records: object[]): FunctionEvent => ({ Records: records as never });
const failed = (answer: { batchItemFailures: { itemIdentifier: string }[] }): string[] =>
  answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

test('a cold function lists and looks at everything; what it has seen already costs no read', async () => {
  const { api, invoke, looked, reads } = world();
  api.create(resources.configMaps, configMap('a'));
  assert.deepEqual(failed(await invoke(batch(record(2)))), []);
  assert.deepEqual(looked, ['a']);
  const before = reads();
  await invoke(batch(record(2)));
  await invoke(batch(record(9, 'secrets')));
  assert.equal(reads(), before);
  api.create(resources.configMaps, configMap('b'));
  await invoke(batch(record(3)));
  assert.deepEqual(looked, ['a', 'b']);
});

test('a batch that is delivered twice, and late, is looked at once', async () => {
  const { api, invoke, looked } = world();
  for (const name of ['a', 'b']) api.create(resources.configMaps, configMap(name));
  await invoke(batch(record(3)));
  await invoke(batch(record(2), record(3)));
  assert.deepEqual(looked, ['a', 'b']);
});

test('a record that cannot be read is named, and all that came with it is done', async () => {
  const { api, invoke, looked } = world();
  api.create(resources.configMaps, configMap('a'));
  const poison = { dynamodb: { SequenceNumber: 'bad' } };
  assert.deepEqual(failed(await invoke(batch(record(2), poison, record(2)))), ['bad']);
  assert.deepEqual(looked, ['a']);
});

test('when the caches cannot be read the whole batch comes again, and so does the function', async () => {
  const { api, invoke, looked, down, sent } = world();
  api.create(resources.configMaps, configMap('a'));
  down(true);
  assert.deepEqual(failed(await invoke(batch(record(2), record(3)))), ['s2']);
  assert.deepEqual(sent, [30]);
  assert.deepEqual(failed(await invoke(batch({ messageId: 'm1' }, { messageId: 'm2' }))), ['m1', 'm2']);
  await assert.rejects(invoke({ tick: '2026-01-01T00:00:00Z' }), /down/);
  down(false);
  assert.deepEqual(failed(await invoke(batch(record(2)))), []);
  assert.deepEqual(looked, ['a']);
});

test('an error of one key fails neither the batch nor the others', async () => {
  const { api, invoke, looked, sent } = world((name) => {
    if (name === 'bad') throw new Error('a mistake');
    return name === 'later' ? [{ do: 'requeue', afterMs: 60_000 }] : [];
  });
  for (const name of ['bad', 'good', 'later']) api.create(resources.configMaps, configMap(name));
  // No time passes here: its pauses are not waited for.
  const answer = await invoke(batch(record(4)), 5_001);
  assert.deepEqual(failed(answer), []);
  assert.ok(looked.includes('good'));
  assert.equal(sent.length, 1);
});

test('a key that wants to be looked at later is, by a message', async () => {
  const { api, host, invoke, looked, sent } = world(() => [{ do: 'requeue', afterMs: 60_000 }]);
  api.create(resources.configMaps, configMap('a'));
  await invoke(batch(record(2)));
  assert.deepEqual(sent, [60]);
  host.pass(60_000);
  assert.deepEqual(looked, ['a']);
  await invoke(batch({ messageId: 'm' }));
  assert.deepEqual(looked, ['a', 'a']);
});

test('a revision that the log does not show yet is looked for again soon', async () => {
  const { api, host, invoke, sent, reacting } = world();
  api.create(resources.configMaps, configMap('a'));
  const answer = invoke(batch(record(7)));
  for (let i = 0; i < 30; i++) {
    await turns();
    host.pass(200);
  }
  assert.deepEqual(failed(await answer), []);
  assert.deepEqual(sent, [5]);
  assert.ok(reacting.parts.informers.for(resources.configMaps).revision < 7);
});

test('an invocation waits for what is due in a moment, not for what may as well come later', async () => {
  const { host, reacting, invoke: invoked } = world();
  const { clock } = reacting.parts;
  await invoked({});
  let fired = 0;
  clock.after(500, () => fired++, 3_600_000);
  const beganMs = host.clock.now();
  await invoked({ tick: new Date(beganMs).toISOString() });
  assert.equal(host.clock.now(), beganMs);
  assert.equal(fired, 0);
  clock.after(500, () => fired++);
  const answer = invoke(reacting, {}, () => 60_000);
  await turns();
  host.pass(500);
  await answer;
  assert.equal(fired, 2);
});
