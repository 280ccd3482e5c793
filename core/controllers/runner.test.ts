// Keys: once each, again after changes, later after failures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import { StatusError } from '../api/errors.ts';
import { FakeApi } from '../client/fixture/fake-api.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { Informers } from '../client/informers.ts';
import { resources } from '../client/resources.ts';
import type { Action, Controller } from './controller.ts';
import { configMap, lookingController } from './fixture/looking.ts';
import { ControllerRunner } from './runner.ts';
import { WorkQueue } from './work-queue.ts';

async function run(decide: (name: string) => Action[], more: Partial<Controller<string>> = {}) {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const client = api.client();
  const informers = new Informers(client, ports);
  const { controller, looked } = lookingController(decide, more);
  const runner = new ControllerRunner(controller, { client, ports, informers });
  informers.start();
  await informers.for(resources.configMaps).whenSynced();
  await runner.start();
  const stop = async (): Promise<void> => {
    await runner.stop();
    informers.stop();
  };
  return { ports, api, runner, looked, stop };
}

test('a change is looked at, and an own write does not make it look for ever', async () => {
  const { api, looked, stop } = await run(() => []);
  api.create(resources.configMaps, configMap('a'));
  await turns();
  assert.deepEqual(looked, ['a']);
  await stop();
});

test('a failure is tried again with growing delays, a success forgets them', async () => {
  let broken = true;
  const { ports, api, looked, stop } = await run((name) =>
    broken ? [{ do: 'delete', of: resources.secrets, key: { namespace: 'default', name } }] : [],
  );
  api.create(resources.secrets, { ...configMap('a'), kind: 'Secret' });
  api.admit = (verb) => {
    if (verb === 'delete') throw new StatusError('Forbidden', 'no');
  };
  api.create(resources.configMaps, configMap('a'));
  await turns();
  for (const delay of [5, 10, 20, 40]) {
    const before = looked.length;
    ports.pass(delay - 1);
    await turns();
    assert.equal(looked.length, before);
    ports.pass(1);
    await turns();
    assert.equal(looked.length, before + 1);
  }
  broken = false;
  ports.pass(80);
  await turns();
  const settled = looked.length;
  ports.pass(10_000);
  await turns();
  assert.equal(looked.length, settled);
  await stop();
});

test('creates go in growing batches, and the first failure ends the list', async () => {
  const tried: string[] = [];
  const failures: string[] = [];
  const { api, runner, stop } = await run(
    () =>
      Array.from({ length: 7 }, (_, i) => ({
        do: 'create',
        of: resources.secrets,
        object: { ...configMap(`s${i}`), kind: 'Secret' },
      })),
    {
      failed: (_observed, found) => {
        for (const { error } of found) failures.push(error.message);
        return [];
      },
    },
  );
  api.admit = (verb, of, { metadata }) => {
    if (of !== resources.secrets || verb !== 'create') return;
    tried.push(metadata.name ?? '');
    if (metadata.name === 's2') throw new StatusError('Forbidden', 'quota');
  };
  const [result] = await runner.handleKeys([{ namespace: 'default', name: 'k' }]);
  assert.deepEqual(tried, ['s0', 's1', 's2']);
  assert.deepEqual(failures, ['quota']);
  assert.equal(result?.again?.failed, true);
  await stop();
});

test('a batch of keys is handled without a running process, each once', async () => {
  const { runner, looked, stop } = await run(() => [{ do: 'requeue', afterMs: 700 }]);
  const key = (name: string) => ({ namespace: 'default', name });
  const results = await runner.handleKeys([key('a'), key('b'), key('a')]);
  assert.deepEqual(looked.sort(), ['a', 'b']);
  assert.deepEqual(
    results.map(({ again }) => again?.afterMs),
    [700, 700],
  );
  await stop();
});

test('deleting what is gone is no failure, and a create in a namespace that is going is given up', async () => {
  const { api, runner, stop } = await run(() => [
    { do: 'delete', of: resources.secrets, key: { namespace: 'default', name: 'gone' } },
    { do: 'create', of: resources.secrets, object: { ...configMap('late'), kind: 'Secret' } },
  ]);
  api.admit = (verb) => {
    const causes = [{ reason: 'NamespaceTerminating', message: 'x', field: 'metadata.namespace' }];
    if (verb === 'create') throw new StatusError('Forbidden', 'no', { causes });
  };
  assert.equal((await runner.handleKeys([{ namespace: 'default', name: 'a' }]))[0]?.again, undefined);
  await stop();
});

test('all is looked at again at every resync', async () => {
  const { ports, api, looked, stop } = await run(() => [], { resyncMs: 60_000 });
  api.create(resources.configMaps, configMap('a'));
  await turns();
  ports.pass(60_000);
  await turns();
  assert.deepEqual(looked, ['a', 'a']);
  await stop();
});

test('a key is never worked on twice at once, and what came meanwhile is not lost', () => {
  const queue = new WorkQueue<string>(manualPorts().clock, (key) => key);
  queue.add('a');
  queue.add('a');
  assert.equal(queue.take(), 'a');
  queue.add('a');
  assert.equal(queue.take(), undefined);
  queue.done('a');
  assert.equal(queue.take(), 'a');
  queue.done('a');
  assert.ok(queue.idle);
});

test('of several delays of a key the earliest stands', () => {
  const ports = manualPorts();
  const queue = new WorkQueue<string>(ports.clock, (key) => key);
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 900);
  ports.pass(100);
  assert.equal(queue.take(), 'a');
  queue.done('a');
  ports.pass(1_000);
  assert.equal(queue.take(), undefined);
});
