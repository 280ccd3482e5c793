import assert from 'node:assert/strict';
import test from 'node:test';
import { MemoryStore } from '../../store/memory.ts';
import { type Api, type Body, configMap, startApi } from '../fixture/api.ts';

const path = '/api/v1/namespaces/shop/configmaps';
const names = (body: Body): (string | undefined)[] => body.items.map(({ metadata }) => metadata.name);
const metaOf = (body: Body) =>
  body.metadata as unknown as { continue?: string; remainingItemCount?: number; resourceVersion: string };

async function fill({ call }: Api, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await call('POST', path, configMap(`m${i}`, {}, { even: String(i % 2 === 0) }));
}

test('a list holds its objects in order, without their kind, and the revision it shows', async () => {
  const api = startApi();
  await fill(api, 3);
  const { body } = await api.call('GET', path);
  assert.equal(body.kind, 'ConfigMapList');
  assert.deepEqual(names(body), ['m0', 'm1', 'm2']);
  assert.equal(body.items[0]!.kind, undefined);
  assert.equal(metaOf(body).resourceVersion, body.items[2]!.metadata.resourceVersion);
});

test('a list across namespaces holds all of them, one of a namespace only its own', async () => {
  const api = startApi();
  await fill(api, 1);
  await api.call('POST', '/api/v1/namespaces/bar/configmaps', configMap('other'));
  assert.deepEqual(names((await api.call('GET', '/api/v1/configmaps')).body), ['other', 'm0']);
  assert.deepEqual(names((await api.call('GET', path)).body), ['m0']);
});

test('pages follow one another, and all show the revision of the first', async () => {
  const api = startApi();
  await fill(api, 5);
  const first = (await api.call('GET', `${path}?limit=2`)).body;
  assert.deepEqual(names(first), ['m0', 'm1']);
  assert.equal(metaOf(first).remainingItemCount, 3);
  await api.call('DELETE', `${path}/m3`);
  await api.call('POST', path, configMap('m2a'));
  const second = (await api.call('GET', `${path}?limit=2&continue=${metaOf(first).continue}`)).body;
  assert.deepEqual(names(second), ['m2', 'm3']);
  assert.equal(metaOf(second).resourceVersion, metaOf(first).resourceVersion);
  const third = (await api.call('GET', `${path}?limit=2&continue=${metaOf(second).continue}`)).body;
  assert.deepEqual(names(third), ['m4']);
  assert.equal(metaOf(third).continue, undefined);
});

test('a page whose revision is gone is 410 with a token that goes on inconsistently', async () => {
  const api = startApi({}, new MemoryStore({ limits: { maxChanges: 2 } }));
  await fill(api, 5);
  const first = (await api.call('GET', `${path}?limit=2`)).body;
  for (const tea of ['a', 'b', 'c', 'd']) await api.call('PUT', `${path}/m0`, configMap('m0', { tea }));
  const expired = await api.call('GET', `${path}?limit=2&continue=${metaOf(first).continue}`);
  assert.equal(expired.status, 410);
  assert.equal(expired.body.reason, 'Expired');
  const rest = (await api.call('GET', `${path}?continue=${metaOf(expired.body).continue}`)).body;
  assert.deepEqual(names(rest), ['m2', 'm3', 'm4']);
});

test('selectors choose by label and by field; an unknown field label is refused', async () => {
  const api = startApi();
  await fill(api, 4);
  assert.deepEqual(names((await api.call('GET', `${path}?labelSelector=even%3Dtrue`)).body), ['m0', 'm2']);
  assert.deepEqual(names((await api.call('GET', `${path}?fieldSelector=metadata.name%3Dm1`)).body), ['m1']);
  assert.deepEqual(
    names((await api.call('GET', `${path}?fieldSelector=metadata.name!%3Dm1&labelSelector=even%3Dfalse`)).body),
    ['m3'],
  );
  const refused = await api.call('GET', `${path}?fieldSelector=data.tea%3Dgreen`);
  assert.equal(refused.status, 400);
  assert.match(refused.body.message, /field label not supported|not a known field selector/);
  assert.equal((await api.call('GET', `${path}?labelSelector=a%20b`)).status, 400);
});

test('pages of a selection are full and do not count what remains', async () => {
  const api = startApi();
  await fill(api, 6);
  const first = (await api.call('GET', `${path}?labelSelector=even%3Dtrue&limit=2`)).body;
  assert.deepEqual(names(first), ['m0', 'm2']);
  assert.equal(metaOf(first).remainingItemCount, undefined);
  const second = (await api.call('GET', `${path}?labelSelector=even%3Dtrue&limit=2&continue=${metaOf(first).continue}`))
    .body;
  assert.deepEqual(names(second), ['m4']);
});

test('an exact revision shows what was; a revision of the future times out with the cause that clients retry on', async () => {
  const api = startApi();
  await fill(api, 2);
  const { resourceVersion } = metaOf((await api.call('GET', path)).body);
  await api.call('DELETE', `${path}/m0`);
  const exact = await api.call('GET', `${path}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`);
  assert.deepEqual(names(exact.body), ['m0', 'm1']);
  const waiting = api.call('GET', `${path}?resourceVersion=99999`);
  await new Promise((resolve) => setImmediate(resolve));
  api.clock.pass(10_000);
  const { status, body } = await waiting;
  assert.equal(status, 504);
  assert.equal(body.reason, 'Timeout');
  assert.equal(body.details.causes[0]!.reason, 'ResourceVersionTooLarge');
  assert.equal(body.details.retryAfterSeconds, 1);
});

test('a list from a revision that is about to come waits for it', async () => {
  const api = startApi();
  await fill(api, 1);
  const next = Number(metaOf((await api.call('GET', path)).body).resourceVersion) + 1;
  const waiting = api.call('GET', `${path}?resourceVersion=${next}&resourceVersionMatch=NotOlderThan`);
  await new Promise((resolve) => setImmediate(resolve));
  await api.call('POST', path, configMap('m9'));
  assert.deepEqual(names((await waiting).body), ['m0', 'm9']);
});

test('options that do not go together are refused', async () => {
  const { call } = startApi();
  assert.equal((await call('GET', `${path}?resourceVersionMatch=Exact`)).status, 422);
  assert.equal((await call('GET', `${path}?resourceVersion=0&resourceVersionMatch=Exact`)).status, 422);
  assert.equal((await call('GET', `${path}?limit=many`)).status, 400);
  assert.equal((await call('GET', `${path}?continue=nonsense`)).status, 400);
  assert.equal((await call('GET', `${path}?sendInitialEvents=true`)).status, 422);
});

test('a table has the columns of the kind, a row for each object and its metadata', async () => {
  const api = startApi();
  await fill(api, 2);
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
  const { body } = await api.call('GET', path, undefined, { accept });
  const table = body as unknown as {
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[]; object: Body }[];
  };
  assert.equal(body.kind, 'Table');
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ['Name', 'Data', 'Age'],
  );
  assert.deepEqual(
    table.rows.map(({ cells }) => cells[0]),
    ['m0', 'm1'],
  );
  assert.equal(table.rows[0]!.object.kind, 'PartialObjectMetadata');
});

test('metadata alone is served on request, and forms that nobody knows are not acceptable', async () => {
  const api = startApi();
  await api.call('POST', path, configMap('menu', { tea: 'green' }));
  const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
  const { body } = await api.call('GET', path, undefined, { accept });
  assert.equal(body.kind, 'PartialObjectMetadataList');
  assert.equal(body.items[0]!['data'], undefined);
  assert.equal((await api.call('GET', path, undefined, { accept: 'application/xml' })).status, 406);
  assert.equal(
    (await api.call('GET', path, undefined, { accept: 'application/json;as=Poem;v=v1;g=meta.k8s.io' })).status,
    406,
  );
});
