// A cache that follows the log, through ends, expiry and repetition, and shows this process its own writes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import type { KubeObject } from '../api/objects.ts';
import type { Client, WatchEvent } from './client.ts';
import { FakeApi } from './fixture/fake-api.ts';
import { faultyClient } from './fixture/faulty-client.ts';
import { manualPorts } from './fixture/manual-ports.ts';
import { seededRandom } from './fixture/random.ts';
import { Informer } from './informer.ts';
import { resources } from './resources.ts';

const of = resources.configMaps;
const make = (name: string, data = '', owner?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name,
    namespace: 'default',
    ...(owner ? { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: owner, uid: owner, controller: true }] } : {}),
  },
  data: { data },
});
const key = (name: string) => ({ namespace: 'default', name });

async function follow(client?: Client) {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  api.create(of, make('early'));
  const informer = new Informer(client ?? api.client(), ports, of);
  const seen: string[] = [];
  informer.subscribe(({ metadata }, previous, deleted) => {
    seen.push(`${deleted ? '-' : previous ? '~' : '+'}${metadata.name}`);
  });
  informer.start();
  await informer.whenSynced();
  return { ports, api, informer, seen };
}

test('what is there comes first, then every change once', async () => {
  const { api, informer, seen } = await follow();
  api.create(of, make('late'));
  await turns();
  api.update(of, { ...api.find(of, key('late'))!, data: { data: 'new' } });
  api.remove(of, key('early'));
  await turns();
  assert.deepEqual(seen, ['+early', '+late', '~late', '-early']);
  assert.equal(informer.size, 1);
  informer.stop();
});

test('an own write is seen at once, and its echo is not told again', async () => {
  const { api, informer, seen } = await follow();
  const written = api.create(of, make('own'));
  informer.wrote(written);
  assert.equal(informer.get(key('own')), written);
  await turns();
  assert.deepEqual(seen, ['+early', '+own']);
  informer.stop();
});

test('an answer that comes after the log has shown the end of the object brings nothing back', async () => {
  const { api, informer } = await follow();
  const written = api.create(of, make('short'));
  api.remove(of, key('short'));
  await turns();
  informer.wrote(written);
  assert.equal(informer.get(key('short')), undefined);
  informer.stop();
});

test('what this process deleted is shown as being deleted until the log says more', async () => {
  const { api, informer } = await follow();
  informer.deletionAsked(key('early'));
  assert.ok(informer.get(key('early'))?.metadata.deletionTimestamp);
  // A change from before the deletion does not undo that.
  api.update(of, { ...api.find(of, key('early'))!, data: { data: 'new' } });
  await turns();
  assert.ok(informer.get(key('early'))?.metadata.deletionTimestamp);
  api.remove(of, key('early'));
  await turns();
  assert.equal(informer.get(key('early')), undefined);
  informer.stop();
});

test('after its revision expired it lists anew, and tells what went meanwhile', async () => {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  for (const name of ['kept', 'lost']) api.create(of, make(name));
  const inner = api.client();
  let cut: () => void = () => {};
  const client = {
    ...inner,
    watch: async function* (...[of, from, selection, signal]: Parameters<Client['watch']>): AsyncGenerator<WatchEvent> {
      const abort = new AbortController();
      cut = () => abort.abort();
      signal?.addEventListener('abort', cut);
      yield* inner.watch(of, from, selection, abort.signal) as AsyncIterable<WatchEvent>;
    },
  } as Client;
  const informer = new Informer(client, ports, of);
  informer.start();
  await informer.whenSynced();
  await turns();
  cut();
  api.remove(of, key('lost'));
  api.create(of, make('found'));
  api.expireLog(of);
  for (let i = 0; i < 5; i++) {
    await turns();
    ports.pass(1_000);
  }
  assert.deepEqual(
    informer.list().map(({ metadata }) => metadata.name),
    ['kept', 'found'],
  );
  informer.stop();
});

test('objects are found by namespace, by controller, and when they have none', async () => {
  const { api, informer } = await follow();
  api.create(of, make('owned', '', 'uid-x'));
  await turns();
  assert.deepEqual(
    informer.ownedBy('uid-x').map(({ metadata }) => metadata.name),
    ['owned'],
  );
  assert.deepEqual(
    informer.orphans('default').map(({ metadata }) => metadata.name),
    ['early'],
  );
  assert.equal(informer.list('default').length, 2);
  assert.equal(informer.list('other').length, 0);
  informer.stop();
});

for (let seed = 1; seed <= 20; seed++) {
  test(`over a bad network the cache ends up as the store is (seed ${seed})`, async () => {
    const ports = manualPorts();
    const api = new FakeApi(ports);
    const random = seededRandom(seed);
    const rates = { refused: 0.2, lostAnswer: 0.2, watchEnds: 0.1, repeated: 0.2, delayed: 0.5 };
    const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
    const informer = new Informer(faultyClient(api.client(), random, rates, pause).client, ports, of);
    const told = new Map<string, string | undefined>();
    informer.subscribe(({ metadata }, previous, deleted) => {
      const name = metadata.name ?? '';
      assert.equal(previous !== undefined, told.has(name), name);
      if (deleted) told.delete(name);
      else told.set(name, metadata.resourceVersion);
    });
    informer.start();
    for (let step = 0; step < 150; step++) {
      const name = `m${random.below(8)}`;
      const current = api.find(of, key(name));
      if (!current) informer.wrote(api.create(of, make(name)));
      else if (random.chance(0.4)) api.remove(of, key(name));
      else api.update(of, { ...current, data: { data: String(step) } });
      if (random.chance(0.05)) api.expireLog(of);
      if (random.chance(0.5)) await turns();
      ports.pass(random.below(300));
    }
    for (let i = 0; i < 60; i++) {
      await turns();
      ports.pass(5_000);
    }
    const stored = new Map(api.objects(of).map(({ metadata }) => [metadata.name ?? '', metadata.resourceVersion]));
    assert.deepEqual(new Map([...told].sort()), new Map([...stored].sort()));
    informer.stop();
  });
}
