// Paths that are meant to be read in two ways: what is authorised is what is answered.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startApi } from './fixture/api.ts';
import { certificate, createServer, namespace } from './fixture/server.ts';
import { createWorld } from './fixture/world.ts';

test('who may do everything in one namespace reaches no other through a path that names both', async () => {
  const world = await createWorld();
  const server = await createServer(world);
  for (const name of ['shop', 'bank']) await namespace(world, server, name);
  const apiGroup = 'rbac.authorization.k8s.io';
  await server.call('POST', `/apis/${apiGroup}/v1/clusterroles`, {
    metadata: { name: 'everything' },
    rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  });
  await server.call('POST', `/apis/${apiGroup}/v1/namespaces/shop/rolebindings`, {
    metadata: { name: 'owner' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'everything' },
    subjects: [{ apiGroup, kind: 'User', name: 'alice' }],
  });
  const alice = certificate('alice');
  assert.equal((await server.call('GET', '/api/v1/namespaces/shop', undefined, alice)).code, 200);
  assert.equal((await server.call('GET', '/api/v1/namespaces/bank', undefined, alice)).code, 403);
  for (const [method, path] of [
    ['GET', '/api/v1/namespaces/shop/namespaces'],
    ['GET', '/api/v1/namespaces/shop/namespaces/bank'],
    ['DELETE', '/api/v1/namespaces/shop/namespaces/bank'],
    ['GET', `/apis/${apiGroup}/v1/namespaces/shop/clusterroles/everything`],
  ] as const) {
    assert.equal((await server.call(method, path, undefined, alice)).code, 404, `${method} ${path}`);
  }
  const bank = await server.call('GET', '/api/v1/namespaces/bank');
  assert.equal(bank.body.metadata.deletionTimestamp, undefined);
});

test('a URL whose host hides a path is routed by the path that was authorised', async () => {
  const { server } = startApi({
    authorizers: [async ({ path }) => ({ allowed: path === '/healthz', reason: '' })],
  });
  const ask = async (url: string): Promise<string> => {
    const request = { method: 'GET', url, headers: new Headers(), signal: new AbortController().signal };
    const response = await server.fetch(request as Request, {});
    return `${response.status} ${(await response.text()).slice(0, 10)}`;
  };
  assert.equal(await ask('https://api.example/healthz'), '200 ok');
  assert.match(await ask('https://api.example/metrics'), /^403/);
  assert.equal(await ask('https://api.example\\healthz?/metrics'), '200 ok');
});
