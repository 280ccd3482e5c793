import assert from 'node:assert/strict';
import test from 'node:test';
import { type Api, configMap, patchTypes, pod, startApi } from '../fixture/api.ts';

const maps = '/api/v1/namespaces/shop/configmaps';
const pods = '/api/v1/namespaces/shop/pods';

async function boundPod({ call }: Api, name: string): Promise<void> {
  await call('POST', pods, pod(name));
  await call('POST', `${pods}/${name}/binding`, { metadata: { name }, target: { kind: 'Node', name: 'n1' } });
}

test('a deleted object is gone, and the answer says what went', async () => {
  const { call } = startApi();
  const { body: made } = await call('POST', maps, configMap('menu'));
  const { status, body } = await call('DELETE', `${maps}/menu`);
  assert.equal(status, 200);
  assert.equal(body.kind, 'Status');
  assert.deepEqual(body.details, { name: 'menu', kind: 'configmaps', uid: made.metadata.uid });
  assert.equal((await call('DELETE', `${maps}/menu`)).status, 404);
});

test('a delete with another uid or version in its preconditions is a Conflict', async () => {
  const { call } = startApi();
  await call('POST', maps, configMap('menu'));
  assert.equal((await call('DELETE', `${maps}/menu`, { preconditions: { uid: 'another' } })).status, 409);
  assert.equal((await call('DELETE', `${maps}/menu`, { preconditions: { resourceVersion: '1' } })).status, 409);
  assert.equal((await call('GET', `${maps}/menu`)).status, 200);
});

test('an object with a finalizer is marked and stays', async () => {
  const { call } = startApi();
  await call('POST', maps, { metadata: { name: 'menu', finalizers: ['example.com/hold'] } });
  const { status, body } = await call('DELETE', `${maps}/menu`);
  assert.equal(status, 200);
  assert.equal(body.metadata.deletionTimestamp, '2030-01-02T03:04:05Z');
  assert.equal(body.metadata.deletionGracePeriodSeconds, 0);
  const taken = await call('POST', maps, configMap('menu'));
  assert.match(taken.body.message, /^object is being deleted: /);
  const more = { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } };
  assert.equal((await call('PATCH', `${maps}/menu`, more, patchTypes.merge)).status, 422);
});

test('the propagation policy becomes a finalizer for the garbage collector', async () => {
  const { call } = startApi();
  for (const [policy, finalizer] of [
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ]) {
    await call('POST', maps, configMap(`menu-${finalizer!.toLowerCase()}`));
    const { body } = await call('DELETE', `${maps}/menu-${finalizer!.toLowerCase()}?propagationPolicy=${policy}`);
    assert.deepEqual(body.metadata.finalizers, [finalizer]);
  }
  assert.equal((await call('DELETE', `${maps}/menu-orphan?propagationPolicy=Sideways`)).status, 422);
});

test('a pod that no node runs goes at once', async () => {
  const { call } = startApi();
  await call('POST', pods, pod('web'));
  assert.equal((await call('DELETE', `${pods}/web`)).status, 200);
  assert.equal((await call('GET', `${pods}/web`)).status, 404);
});

test('a pod on a node gets its grace period, which later deletes can only shorten', async () => {
  const api = startApi();
  const { call, clock } = api;
  await boundPod(api, 'web');
  const { body } = await call('DELETE', `${pods}/web`);
  assert.equal(body.metadata.deletionGracePeriodSeconds, 30);
  assert.equal(body.metadata.deletionTimestamp, '2030-01-02T03:04:35Z');
  assert.equal(body.metadata.generation, 2);
  const longer = await call('DELETE', `${pods}/web`, { gracePeriodSeconds: 60 });
  assert.equal(longer.body.metadata.deletionGracePeriodSeconds, 30);
  clock.pass(1_000);
  const shorter = await call('DELETE', `${pods}/web`, { gracePeriodSeconds: 10 });
  assert.equal(shorter.body.metadata.deletionTimestamp, '2030-01-02T03:04:15Z');
  assert.equal((await call('DELETE', `${pods}/web?gracePeriodSeconds=0`)).status, 200);
  assert.equal((await call('GET', `${pods}/web`)).status, 404);
});

test('a dry run of a delete changes nothing', async () => {
  const { call } = startApi();
  await call('POST', maps, configMap('menu'));
  assert.equal((await call('DELETE', `${maps}/menu?dryRun=All`)).status, 200);
  assert.equal((await call('GET', `${maps}/menu`)).status, 200);
});

test('a namespace ends in two steps: marked, then removed when its controller has finalized it', async () => {
  const { call } = startApi();
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  const { body } = await call('DELETE', '/api/v1/namespaces/shop');
  assert.deepEqual(body['status'], { phase: 'Terminating' });
  const done = await call('PUT', '/api/v1/namespaces/shop/finalize', { ...body, spec: { finalizers: [] } });
  assert.equal(done.status, 200);
  assert.equal((await call('GET', '/api/v1/namespaces/shop')).status, 404);
});

test('deleting a collection takes what is selected and lists what it took', async () => {
  const { call } = startApi();
  for (const name of ['a', 'b', 'c']) await call('POST', maps, configMap(name, {}, { go: String(name !== 'b') }));
  const { status, body } = await call('DELETE', `${maps}?labelSelector=go%3Dtrue`);
  assert.equal(status, 200);
  assert.deepEqual(
    body.items.map(({ metadata }) => metadata.name),
    ['a', 'c'],
  );
  assert.deepEqual(
    (await call('GET', maps)).body.items.map(({ metadata }) => metadata.name),
    ['b'],
  );
});
