import assert from 'node:assert/strict';
import test from 'node:test';
import { configMap, deployment, startApi } from '../fixture/api.ts';

const path = '/api/v1/namespaces/shop/configmaps';

test('a created object gets uid, creation time and resource version, and is answered with 201', async () => {
  const { call } = startApi();
  const { status, body } = await call('POST', path, configMap('menu', { tea: 'green' }));
  assert.equal(status, 201);
  assert.equal(body.kind, 'ConfigMap');
  assert.equal(body.apiVersion, 'v1');
  assert.equal(body.metadata.namespace, 'shop');
  assert.equal(body.metadata.creationTimestamp, '2030-01-02T03:04:05Z');
  assert.match(body.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
  assert.match(body.metadata.resourceVersion ?? '', /^\d+$/);
  assert.deepEqual((await call('GET', `${path}/menu`)).body, body);
});

test('what only the server may set is not taken from the client', async () => {
  const { call } = startApi();
  const metadata = {
    name: 'a',
    uid: 'mine',
    creationTimestamp: '1999-01-01T00:00:00Z',
    deletionTimestamp: '1999-01-01T00:00:00Z',
  };
  const { body } = await call('POST', path, { metadata });
  assert.notEqual(body.metadata.uid, 'mine');
  assert.equal(body.metadata.creationTimestamp, '2030-01-02T03:04:05Z');
  assert.equal(body.metadata.deletionTimestamp, undefined);
});

test('a create with the name taken is refused with AlreadyExists', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu'));
  const { status, body } = await call('POST', path, configMap('menu'));
  assert.equal(status, 409);
  assert.equal(body.reason, 'AlreadyExists');
  assert.equal(body.message, 'configmaps "menu" already exists');
});

test('a generated name that is taken is generated again', async () => {
  const suffixes = ['aaaaa', 'aaaaa', 'bbbbb'];
  const ids = {
    uuid: () => crypto.randomUUID(),
    suffix: () => suffixes.shift()!,
    bytes: (length: number) => new Uint8Array(length),
  };
  const { call } = startApi({ ids });
  const object = { metadata: { generateName: 'menu-' } };
  assert.equal((await call('POST', path, object)).body.metadata.name, 'menu-aaaaa');
  assert.equal((await call('POST', path, object)).body.metadata.name, 'menu-bbbbb');
});

test('when every generated name is taken, the client is told so', async () => {
  const ids = {
    uuid: () => crypto.randomUUID(),
    suffix: () => 'aaaaa',
    bytes: (length: number) => new Uint8Array(length),
  };
  const { call } = startApi({ ids });
  await call('POST', path, { metadata: { generateName: 'menu-' } });
  const { status, body } = await call('POST', path, { metadata: { generateName: 'menu-' } });
  assert.equal(status, 409);
  assert.match(body.message, /not able to generate a unique name/);
});

test('an object of another namespace than the path is refused', async () => {
  const { call } = startApi();
  const { status, body } = await call('POST', path, { metadata: { name: 'a', namespace: 'other' } });
  assert.equal(status, 400);
  assert.equal(body.message, 'the namespace of the provided object does not match the namespace sent on the request');
});

test('a new object of a kind that counts generations starts with 1 and without a status of its own making', async () => {
  const { call } = startApi();
  const object = { ...deployment('web'), status: { replicas: 9 } };
  const { body } = await call('POST', '/apis/apps/v1/namespaces/shop/deployments', object);
  assert.equal(body.metadata.generation, 1);
  assert.deepEqual(body['status'], {});
});

test('a dry run answers as a create would and stores nothing', async () => {
  const { call } = startApi();
  const { status, body } = await call('POST', `${path}?dryRun=All`, configMap('menu'));
  assert.equal(status, 201);
  assert.equal(body.metadata.resourceVersion, undefined);
  assert.equal((await call('GET', `${path}/menu`)).status, 404);
});

test('all that is wrong with an object is reported at once', async () => {
  const { call } = startApi();
  const { status, body } = await call('POST', path, { metadata: { name: 'Bad_Name', labels: { 'a b': 'c d' } } });
  assert.equal(status, 422);
  assert.equal(body.reason, 'Invalid');
  assert.deepEqual([...new Set(body.details.causes.map(({ field }) => field))], ['metadata.name', 'metadata.labels']);
});

test('an unknown field is warned of, refused when strict, ignored when asked', async () => {
  const { call } = startApi();
  const odd = { ...configMap('odd'), flavour: 'mint' };
  const warned = await call('POST', path, odd);
  assert.equal(warned.status, 201);
  assert.equal(warned.headers.get('warning'), '299 - "unknown field \\"flavour\\""');
  const strict = await call('POST', `${path}?fieldValidation=Strict`, { ...configMap('odd2'), flavour: 'mint' });
  assert.equal(strict.status, 400);
  assert.match(strict.body.message, /strict decoding error: unknown field "flavour"/);
  const ignored = await call('POST', `${path}?fieldValidation=Ignore`, { ...configMap('odd3'), flavour: 'mint' });
  assert.equal(ignored.status, 201);
  assert.equal(ignored.headers.get('warning'), null);
});

test('a key that stands twice is noticed', async () => {
  const { call } = startApi();
  const { status, body } = await call(
    'POST',
    `${path}?fieldValidation=Strict`,
    '{"metadata":{"name":"a"},"data":{"k":"1"},"data":{"k":"2"}}',
  );
  assert.equal(status, 400);
  assert.match(body.message, /duplicate field "data"/);
});

test('YAML is understood', async () => {
  const { call } = startApi();
  const { status, body } = await call('POST', path, 'metadata:\n  name: menu\ndata:\n  tea: green\n', {
    'content-type': 'application/yaml',
  });
  assert.equal(status, 201);
  assert.deepEqual(body['data'], { tea: 'green' });
});

test('bodies that are no objects end in 400, too large ones in 413, of unknown types in 415', async () => {
  const { call } = startApi();
  for (const text of ['', '{', '[]', '"x"', '12', '{"metadata":[]}', '{"data":5}']) {
    const { status, body } = await call('POST', path, text);
    assert.equal(status, 400, text);
    assert.equal(body.kind, 'Status');
  }
  assert.equal(
    (await call('POST', path, `{"metadata":{"name":"a"},"data":{"k":"${'x'.repeat(3 * 1024 * 1024)}"}}`)).status,
    413,
  );
  assert.equal((await call('POST', path, '<a/>', { 'content-type': 'application/xml' })).status, 415);
});

test('an object nested too deeply is refused, not crashed on', async () => {
  const { call } = startApi();
  const deep = `${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`;
  const { status } = await call('POST', path, `{"metadata":{"name":"a","annotations":${deep}}}`);
  assert.equal(status, 400);
});

test('what admission reserved is given back when the create fails', async () => {
  const events: string[] = [];
  const admission = [
    {
      name: 'quota',
      validate: async () => {
        events.push('reserved');
        return async () => {
          events.push('released');
        };
      },
    },
  ];
  const { call } = startApi({ admission });
  await call('POST', path, configMap('menu'));
  assert.deepEqual(events, ['reserved']);
  await call('POST', path, configMap('menu'));
  assert.deepEqual(events, ['reserved', 'reserved', 'released']);
});

test('an admission plugin may change the object before it is validated', async () => {
  const admission = [
    {
      name: 'labels',
      mutate: async (request: { object: { metadata: { labels?: Record<string, string> } } | undefined }) => {
        request.object!.metadata.labels = { ...request.object!.metadata.labels, added: 'yes' };
      },
    },
  ];
  const { call } = startApi({ admission });
  assert.equal((await call('POST', path, configMap('menu'))).body.metadata.labels?.['added'], 'yes');
});
