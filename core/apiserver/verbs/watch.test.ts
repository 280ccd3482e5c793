import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryStore } from '../../store/memory.ts';
import { type Api, configMap, eventsOf, patchTypes, startApi } from '../fixture/api.ts';

const path = '/api/v1/namespaces/shop/configmaps';
const create = (api: Api, name: string, labels = {}) => api.call('POST', path, configMap(name, {}, labels));
const revisionOf = async (api: Api) => (await api.call('GET', path)).body.metadata.resourceVersion;

async function take(events: ReturnType<typeof eventsOf>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i++) {
    const { value } = await events.next();
    if (!value) break;
    taken.push(
      `${value.type} ${value.object.metadata.name ?? value.object.reason ?? value.object.metadata.resourceVersion}`,
    );
  }
  return taken;
}

test('a watch from a list shows each later change once, in order', async () => {
  const api = startApi();
  await create(api, 'before');
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=${await revisionOf(api)}`));
  await create(api, 'a');
  await api.call('PATCH', `${path}/a`, { data: { k: 'v' } }, patchTypes.merge);
  await api.call('DELETE', `${path}/a`);
  assert.deepEqual(await take(events, 3), ['ADDED a', 'MODIFIED a', 'DELETED a']);
  await events.return();
});

test('a watch from nowhere begins with what stands', async () => {
  const api = startApi();
  await create(api, 'a');
  for (const from of ['', '&resourceVersion=0']) {
    const events = eventsOf(await api.raw('GET', `${path}?watch=true${from}`));
    assert.deepEqual(await take(events, 1), ['ADDED a']);
    await events.return();
  }
});

test('initial events end with the bookmark that says so', async () => {
  const api = startApi();
  await create(api, 'a');
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const events = eventsOf(await api.raw('GET', `${path}?${query}`));
  assert.deepEqual(await take(events, 1), ['ADDED a']);
  const { value } = await events.next();
  assert.equal(value?.type, 'BOOKMARK');
  assert.equal(value?.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
  assert.equal(value?.object.metadata.resourceVersion, await revisionOf(api));
  await create(api, 'b');
  assert.deepEqual(await take(events, 1), ['ADDED b']);
  await events.return();
});

test('an object that leaves the selection is DELETED to its watcher, one that enters it ADDED', async () => {
  const api = startApi();
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&labelSelector=on%3Dyes&resourceVersion=1`));
  await create(api, 'a', { on: 'no' });
  await api.call('PATCH', `${path}/a`, { metadata: { labels: { on: 'yes' } } }, patchTypes.merge);
  await api.call('PATCH', `${path}/a`, { data: { k: 'v' } }, patchTypes.merge);
  const { body } = await api.call('PATCH', `${path}/a`, { metadata: { labels: { on: 'no' } } }, patchTypes.merge);
  await api.call('DELETE', `${path}/a`);
  await create(api, 'b', { on: 'yes' });
  assert.deepEqual(await take(events, 2), ['ADDED a', 'MODIFIED a']);
  const { value } = await events.next();
  assert.equal(value?.type, 'DELETED');
  assert.equal(value?.object.metadata.labels?.['on'], 'yes');
  assert.equal(value?.object.metadata.resourceVersion, body.metadata.resourceVersion);
  assert.deepEqual(await take(events, 1), ['ADDED b']);
  await events.return();
});

test('a watch by name and of a namespace sees nothing else', async () => {
  const api = startApi();
  const events = eventsOf(await api.raw('GET', `${path}?watch=1&fieldSelector=metadata.name%3Db&resourceVersion=1`));
  await create(api, 'a');
  await api.call('POST', '/api/v1/namespaces/other/configmaps', configMap('b'));
  const { body } = await create(api, 'b');
  const { value } = await events.next();
  assert.equal(value?.object.metadata.uid, body.metadata.uid);
  await events.return();
});

test('a revision that the log no longer holds is an ERROR event with 410', async () => {
  const api = startApi({}, new MemoryStore({ limits: { maxChanges: 2 } }));
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(api, name);
  const response = await api.raw('GET', `${path}?watch=true&resourceVersion=2`);
  assert.equal(response.status, 200);
  const { value } = await eventsOf(response).next();
  assert.equal(value?.type, 'ERROR');
  assert.equal(value?.object['code'], 410);
  assert.equal(value?.object.reason, 'Expired');
});

test('a watch ends after its timeout, with a bookmark if those are wanted', async () => {
  const api = startApi();
  const events = eventsOf(
    await api.raw('GET', `${path}?watch=true&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=5`),
  );
  await create(api, 'a');
  const revision = await revisionOf(api);
  assert.deepEqual(await take(events, 1), ['ADDED a']);
  api.clock.pass(5_000);
  assert.deepEqual(await take(events, 2), [`BOOKMARK ${revision}`]);
});

test('bookmarks come about once a minute', async () => {
  const api = startApi();
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=1&allowWatchBookmarks=true`));
  api.clock.pass(60_000);
  assert.deepEqual(await take(events, 1), ['BOOKMARK 1']);
  await create(api, 'a');
  assert.deepEqual(await take(events, 1), ['ADDED a']);
  await events.return();
});

test('a watch from a revision of the future waits for it', async () => {
  const api = startApi();
  await create(api, 'a');
  const from = Number(await revisionOf(api)) + 1;
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=${from}`));
  await create(api, 'skipped');
  await create(api, 'shown');
  assert.deepEqual(await take(events, 1), ['ADDED shown']);
  await events.return();
});

test('the first table of a watch names the columns, the others do not', async () => {
  const api = startApi();
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=1`, { accept }));
  await create(api, 'a');
  await create(api, 'b');
  const first = (await events.next()).value!.object;
  const second = (await events.next()).value!.object;
  assert.equal(first.kind, 'Table');
  assert.equal((first['columnDefinitions'] as unknown[]).length, 3);
  assert.equal(second['columnDefinitions'], null);
  await events.return();
});

test('a name in the path is watched alone, whatever it looks like', async () => {
  const api = startApi();
  const old = '/api/v1/watch/namespaces/shop/configmaps';
  const named = eventsOf(await api.raw('GET', `${old}/b`));
  const odd = eventsOf(
    await api.raw('GET', `${old}/${encodeURIComponent('a,metadata.namespace=shop')}?timeoutSeconds=1`),
  );
  for (const name of ['a', 'b']) await create(api, name);
  assert.deepEqual(await take(named, 1), ['ADDED b']);
  await named.return();
  api.clock.pass(1_000);
  assert.deepEqual(await take(odd, 1), []);
  assert.deepEqual([(await api.raw('HEAD', old)).status, (await api.raw('OPTIONS', old)).status], [405, 405]);
});

test('a client that goes away leaves nothing behind', async () => {
  const api = startApi();
  const abort = new AbortController();
  await api.raw('GET', `${path}?watch=true&resourceVersion=1`, {}, abort.signal);
  const open = async () =>
    /apiserver_longrunning_requests\{[^}]*configmaps[^}]*\} (\d+)/.exec(
      await (await api.raw('GET', '/metrics')).text(),
    )?.[1];
  assert.equal(await open(), '1');
  abort.abort();
  assert.equal(await open(), '0');
});

test('a watcher that does not read is cut off, and the others go on', async () => {
  const api = startApi();
  const stuck = await api.raw('GET', `${path}?watch=true&resourceVersion=1`);
  const reader = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=1`));
  const text = 'x'.repeat(100);
  await create(api, 'busy');
  assert.deepEqual(await take(reader, 1), ['ADDED busy']);
  for (let i = 0; i < 12_000; i++) {
    const current = (await api.store.get('configmaps', { namespace: 'shop', name: 'busy' }))!;
    const object = { ...current.object, data: { text: `${text}${i}` } };
    await api.store.commit({
      op: 'put',
      resource: 'configmaps',
      key: { namespace: 'shop', name: 'busy' },
      object,
      expected: current.revision,
    });
    if (i % 500 === 499) await take(reader, 500);
  }
  await assert.rejects(async () => {
    for await (const _event of eventsOf(stuck)) {
      // Reads what had been sent until the cut.
    }
  }, /too slowly/);
  await reader.return();
});

test('the server closes every watch cleanly when it stops', async () => {
  const api = startApi();
  const events = eventsOf(await api.raw('GET', `${path}?watch=true&resourceVersion=1`));
  await create(api, 'a');
  assert.deepEqual(await take(events, 1), ['ADDED a']);
  api.server.close();
  assert.equal((await events.next()).done, true);
});
