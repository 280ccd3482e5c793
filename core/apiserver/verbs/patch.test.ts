import assert from 'node:assert/strict';
import test from 'node:test';
import { configMap, deployment, patchTypes, pod, startApi } from '../fixture/api.ts';

const path = '/api/v1/namespaces/shop/configmaps';

test('a merge patch adds, changes and takes away', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu', { tea: 'green', milk: 'no' }));
  const { status, body } = await call(
    'PATCH',
    `${path}/menu`,
    { data: { tea: 'black', milk: null, sugar: 'yes' } },
    patchTypes.merge,
  );
  assert.equal(status, 200);
  assert.deepEqual(body['data'], { tea: 'black', sugar: 'yes' });
});

test('a JSON patch whose test fails changes nothing', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu', { tea: 'green' }));
  const operations = [
    { op: 'test', path: '/data/tea', value: 'black' },
    { op: 'remove', path: '/data/tea' },
  ];
  assert.equal((await call('PATCH', `${path}/menu`, operations, patchTypes.json)).status, 422);
  assert.deepEqual((await call('GET', `${path}/menu`)).body['data'], { tea: 'green' });
});

test('a strategic patch merges containers by name', async () => {
  const { call } = startApi();
  const deployments = '/apis/apps/v1/namespaces/shop/deployments';
  await call('POST', deployments, deployment('web'));
  const containers = [
    { name: 'main', image: 'example/app:2' },
    { name: 'side', image: 'example/side:1' },
  ];
  const { status, body } = await call(
    'PATCH',
    `${deployments}/web`,
    { spec: { template: { spec: { containers } } } },
    patchTypes.strategic,
  );
  assert.equal(status, 200);
  const spec = body['spec'] as {
    template: { spec: { containers: { name: string; image: string; imagePullPolicy: string }[] } };
  };
  const images = new Map(spec.template.spec.containers.map(({ name, image }) => [name, image]));
  assert.deepEqual([images.get('main'), images.get('side')], ['example/app:2', 'example/side:1']);
  assert.equal(body.metadata.generation, 2);
});

test('a patch that names a version is held to it, one that does not is tried again when another was faster', async () => {
  const { call } = startApi();
  const { body } = await call('POST', path, configMap('menu'));
  const all = await Promise.all(
    ['a', 'b', 'c'].map((key) => call('PATCH', `${path}/menu`, { data: { [key]: '1' } }, patchTypes.merge)),
  );
  assert.deepEqual(
    all.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.deepEqual((await call('GET', `${path}/menu`)).body['data'], { a: '1', b: '1', c: '1' });
  const { resourceVersion } = body.metadata;
  const late = await call(
    'PATCH',
    `${path}/menu`,
    { metadata: { resourceVersion }, data: { d: '1' } },
    patchTypes.merge,
  );
  assert.equal(late.status, 409);
});

test('a patch may not rename the object', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu'));
  assert.equal((await call('PATCH', `${path}/menu`, { metadata: { name: 'other' } }, patchTypes.merge)).status, 400);
});

test('a patch of the status leaves the spec alone', async () => {
  const { call } = startApi();
  await call('POST', '/api/v1/namespaces/shop/pods', pod('web'));
  const change = { spec: { nodeName: 'elsewhere' }, status: { phase: 'Running' } };
  const { status, body } = await call('PATCH', '/api/v1/namespaces/shop/pods/web/status', change, patchTypes.merge);
  assert.equal(status, 200);
  assert.equal((body['spec'] as { nodeName?: string }).nodeName, undefined);
  assert.equal((body['status'] as { phase: string }).phase, 'Running');
});

test('a patch that changes nothing keeps the resource version', async () => {
  const { call, clock } = startApi();
  const { body } = await call('POST', path, configMap('menu', { tea: 'green' }));
  clock.pass(5_000);
  const again = await call('PATCH', `${path}/menu`, { data: { tea: 'green' } }, patchTypes.merge);
  assert.equal(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
});

test('server-side apply is refused with 415 and words that say why', async () => {
  const { call } = startApi();
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const { status, body } = await call('PATCH', `${path}/menu?fieldManager=me`, 'metadata: {name: menu}', headers);
  assert.equal(status, 415);
  assert.match(body.message, /server-side apply/);
});

test('a patch whose result has the wrong types is Invalid', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu'));
  const { status, body } = await call('PATCH', `${path}/menu`, { data: 5 }, patchTypes.merge);
  assert.equal(status, 422);
  assert.equal(body.reason, 'Invalid');
});
