// What is said about objects, without saying too much.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import type { KubeObject } from '../api/objects.ts';
import { EventRecorder } from './event-recorder.ts';
import { FakeApi } from './fixture/fake-api.ts';
import { manualPorts } from './fixture/manual-ports.ts';
import { resources } from './resources.ts';

function newRecorder(style?: 'reported') {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const recorder = new EventRecorder({ client: api.client(), ports, component: 'tester', ...(style ? { style } : {}) });
  const events = async (): Promise<KubeObject[]> => {
    await recorder.flush();
    return api.objects(resources.events);
  };
  return { ports, api, recorder, events };
}

const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', uid: 'u', resourceVersion: '3' },
};

test('an event names its object, its source and its time', async () => {
  const { recorder, events } = newRecorder();
  recorder.record(pod, 'Normal', 'Done', 'all is well');
  const [event] = await events();
  assert.match(event?.metadata.name ?? '', /^p\.[0-9a-f]{16}$/);
  assert.deepEqual(event?.['source'], { component: 'tester' });
  assert.deepEqual([event?.['count'], event?.['firstTimestamp']], [1, '2026-01-01T00:00:00Z']);
  assert.deepEqual(event?.['involvedObject'], {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace: 'default',
    name: 'p',
    uid: 'u',
    resourceVersion: '3',
  });
});

test('the same again raises the count', async () => {
  const { ports, recorder, events } = newRecorder();
  recorder.record(pod, 'Normal', 'Done', 'again');
  ports.pass(5_000);
  recorder.record(pod, 'Normal', 'Done', 'again');
  const found = await events();
  assert.deepEqual(
    found.map((event) => [event['count'], event['lastTimestamp']]),
    [[2, '2026-01-01T00:00:05Z']],
  );
});

test('the scheduler style has its time in eventTime and repeats as a series', async () => {
  const { recorder, events } = newRecorder('reported');
  for (let i = 0; i < 3; i++) recorder.record(pod, 'Warning', 'FailedScheduling', 'no room', { action: 'Scheduling' });
  const [event] = await events();
  assert.deepEqual(
    [event?.['action'], event?.['eventTime'], event?.['reportingComponent'], event?.['count']],
    ['Scheduling', '2026-01-01T00:00:00.000000Z', 'tester', undefined],
  );
  assert.deepEqual(event?.['series'], { count: 3, lastObservedTime: '2026-01-01T00:00:00.000000Z' });
});

test('many different messages of one kind are gathered', async () => {
  const { recorder, events } = newRecorder();
  for (let i = 0; i < 14; i++) recorder.record(pod, 'Normal', 'Noise', `message ${i}`);
  const found = await events();
  assert.equal(found.length, 11);
  assert.deepEqual(
    [found.at(-1)?.['message'], found.at(-1)?.['count']],
    ['(combined from similar events): message 13', 4],
  );
});

test('who says too much about one object is muted, and may speak again later', async () => {
  const { ports, recorder, events } = newRecorder();
  for (let i = 0; i < 40; i++) recorder.record(pod, 'Normal', `Reason${i}`, 'x');
  assert.equal((await events()).length, 25);
  ports.pass(300_000);
  recorder.record(pod, 'Normal', 'Later', 'x');
  assert.equal((await events()).length, 26);
});

test('an event that cannot be written is lost without harm, one that expired is told anew', async () => {
  const { api, recorder, events } = newRecorder();
  recorder.record(pod, 'Normal', 'Done', 'x');
  const [event] = await events();
  api.remove(resources.events, { namespace: 'default', name: event?.metadata.name ?? '' });
  recorder.record(pod, 'Normal', 'Done', 'x');
  assert.equal((await events()).length, 1);
  api.admit = () => {
    throw new Error('no');
  };
  recorder.record(pod, 'Normal', 'Other', 'x');
  assert.equal((await events()).length, 1);
});

test('what waits together is written together: the same twice once, and by another way where there is one', async () => {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const deliveries: string[][] = [];
  const deliver = async (events: readonly KubeObject[]): Promise<void> => {
    deliveries.push(events.map((event) => `${event['message']} x${event['count']}`));
    for (const event of events) api.create(resources.events, event);
  };
  const recorder = new EventRecorder({ client: api.client(), ports, component: 'tester', holdMs: 500, deliver });
  for (const message of ['a', 'b', 'a']) recorder.record(pod, 'Normal', 'Done', message);
  await turns(3);
  assert.deepEqual(deliveries, []);
  ports.pass(500);
  await recorder.flush();
  recorder.record(pod, 'Normal', 'Done', 'b');
  await turns(3);
  ports.pass(500);
  await recorder.flush();
  assert.deepEqual(deliveries, [['a x2', 'b x1']]);
  const counts = api.objects(resources.events).map((event) => [event['message'], event['count']]);
  assert.deepEqual(counts, [
    ['a', 2],
    ['b', 2],
  ]);
});

test('an event that is recorded while others are written is written too', async () => {
  const { api, recorder, events } = newRecorder();
  api.onWrite = (_verb, _of, object) => {
    if (object['message'] === 'first') recorder.record(pod, 'Normal', 'Next', 'second');
    if (object['message'] === 'second') queueMicrotask(() => recorder.record(pod, 'Normal', 'Next', 'third'));
  };
  recorder.record(pod, 'Normal', 'Done', 'first');
  await turns(20);
  assert.deepEqual(
    (await events()).map((event) => event['message']),
    ['first', 'second', 'third'],
  );
});
