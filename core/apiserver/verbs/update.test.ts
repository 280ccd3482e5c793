import assert from 'node:assert/strict';
import test from 'node:test';
import { configMap, deployment, startApi } from '../fixture/api.ts';

const path = '/api/v1/namespaces/shop/configmaps';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';

test('an update from the version that stands is written, one from an older version is refused', async () => {
  const { call } = startApi();
  const { body: first } = await call('POST', path, configMap('menu', { tea: 'green' }));
  const second = await call('PUT', `${path}/menu`, { ...first, data: { tea: 'black' } });
  assert.equal(second.status, 200);
  assert.notEqual(second.body.metadata.resourceVersion, first.metadata.resourceVersion);
  const late = await call('PUT', `${path}/menu`, { ...first, data: { tea: 'white' } });
  assert.equal(late.status, 409);
  assert.equal(late.body.reason, 'Conflict');
  assert.match(late.body.message, /the object has been modified/);
  assert.deepEqual((await call('GET', `${path}/menu`)).body['data'], { tea: 'black' });
});

test('an update that names no version replaces what stands', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu', { tea: 'green' }));
  const { status, body } = await call('PUT', `${path}/menu`, configMap('menu', { tea: 'black' }));
  assert.equal(status, 200);
  assert.deepEqual(body['data'], { tea: 'black' });
});

test('an update that changes nothing keeps the resource version', async () => {
  const { call, clock } = startApi();
  const { body: first } = await call('POST', path, configMap('menu', { tea: 'green' }));
  clock.pass(60_000);
  const { status, body } = await call('PUT', `${path}/menu`, first);
  assert.equal(status, 200);
  assert.equal(body.metadata.resourceVersion, first.metadata.resourceVersion);
});

test('the generation counts changes of the spec, not of labels, nor of the status', async () => {
  const { call } = startApi();
  const { body: first } = await call('POST', deployments, deployment('web', 1));
  const relabelled = await call('PUT', `${deployments}/web`, {
    ...first,
    metadata: { ...first.metadata, labels: { a: 'b' } },
  });
  assert.equal(relabelled.body.metadata.generation, 1);
  const scaled = await call('PUT', `${deployments}/web`, {
    ...relabelled.body,
    spec: { ...(relabelled.body['spec'] as object), replicas: 3 },
  });
  assert.equal(scaled.body.metadata.generation, 2);
  const reported = await call('PUT', `${deployments}/web/status`, { ...scaled.body, status: { replicas: 3 } });
  assert.equal(reported.status, 200);
  assert.equal(reported.body.metadata.generation, 2);
});

test('status and spec are written apart', async () => {
  const { call } = startApi();
  const { body: first } = await call('POST', deployments, deployment('web', 1));
  const changed = { ...first, spec: { ...(first['spec'] as object), replicas: 5 }, status: { replicas: 7 } };
  const object = await call('PUT', `${deployments}/web`, changed);
  assert.equal((object.body['spec'] as { replicas: number }).replicas, 5);
  assert.deepEqual(object.body['status'], {});
  const status = await call('PUT', `${deployments}/web/status`, {
    ...changed,
    metadata: object.body.metadata,
    spec: first['spec'],
  });
  assert.equal((status.body['spec'] as { replicas: number }).replicas, 5);
  assert.equal((status.body['status'] as { replicas: number }).replicas, 7);
});

test('the path and the body must name the same object', async () => {
  const { call } = startApi();
  await call('POST', path, configMap('menu'));
  const { status, body } = await call('PUT', `${path}/menu`, configMap('other'));
  assert.equal(status, 400);
  assert.equal(body.message, 'the name of the object (other) does not match the name on the URL (menu)');
});

test('an update of what does not exist is NotFound, but some kinds are created by it', async () => {
  const { call } = startApi();
  assert.equal((await call('PUT', `${path}/menu`, configMap('menu'))).status, 404);
  const lease = '/apis/coordination.k8s.io/v1/namespaces/shop/leases/clock';
  const created = await call('PUT', lease, { metadata: { name: 'clock' }, spec: { holderIdentity: 'me' } });
  assert.equal(created.status, 201);
  assert.equal((await call('PUT', lease, { ...created.body, spec: { holderIdentity: 'you' } })).status, 200);
});

test('an update with the uid of an earlier object of that name is refused', async () => {
  const { call } = startApi();
  const { body: first } = await call('POST', path, configMap('menu'));
  await call('DELETE', `${path}/menu`);
  await call('POST', path, configMap('menu'));
  const { resourceVersion: _r, ...metadata } = first.metadata;
  const { status, body } = await call('PUT', `${path}/menu`, { ...first, metadata });
  assert.equal(status, 409);
  assert.match(body.message, /UID in precondition/);
});

test('removing the last finalizer of a deleted object removes it', async () => {
  const { call } = startApi();
  await call('POST', path, { metadata: { name: 'menu', finalizers: ['example.com/hold'] } });
  await call('DELETE', `${path}/menu`);
  const { body: held } = await call('GET', `${path}/menu`);
  assert.equal(held.metadata.deletionGracePeriodSeconds, 0);
  const { status } = await call('PUT', `${path}/menu`, { ...held, metadata: { ...held.metadata, finalizers: [] } });
  assert.equal(status, 200);
  assert.equal((await call('GET', `${path}/menu`)).status, 404);
});

test('two writers on one version: one wins, the other is told', async () => {
  const { call } = startApi();
  const { body } = await call('POST', path, configMap('menu'));
  const answers = await Promise.all(['a', 'b'].map((tea) => call('PUT', `${path}/menu`, { ...body, data: { tea } })));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
});
