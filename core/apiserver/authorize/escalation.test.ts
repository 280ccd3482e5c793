import assert from 'node:assert/strict';
import test from 'node:test';
import { certificate, createServer, namespace } from '../fixture/server.ts';
import { createWorld } from '../fixture/world.ts';

test('a role of a billion combinations is refused before they are gone through', async () => {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  const apiGroup = 'rbac.authorization.k8s.io';
  await server.call('POST', `/apis/${apiGroup}/v1/namespaces/shop/roles`, {
    metadata: { name: 'roles' },
    rules: [{ verbs: ['*'], apiGroups: [apiGroup], resources: ['roles'], resourceNames: [] }],
  });
  await server.call('POST', `/apis/${apiGroup}/v1/namespaces/shop/rolebindings`, {
    metadata: { name: 'roles' },
    roleRef: { apiGroup, kind: 'Role', name: 'roles' },
    subjects: [{ apiGroup, kind: 'User', name: 'alice' }],
  });
  // `escalate` is among all verbs: bob holds the write alone.
  await server.call('POST', `/apis/${apiGroup}/v1/namespaces/shop/roles`, {
    metadata: { name: 'write' },
    rules: [{ verbs: ['create'], apiGroups: [apiGroup], resources: ['roles'] }],
  });
  await server.call('POST', `/apis/${apiGroup}/v1/namespaces/shop/rolebindings`, {
    metadata: { name: 'write' },
    roleRef: { apiGroup, kind: 'Role', name: 'write' },
    subjects: [{ apiGroup, kind: 'User', name: 'bob' }],
  });
  const many = (prefix: string): string[] => Array.from({ length: 1000 }, (_, i) => `${prefix}${i}`);
  const rules = [{ verbs: many('v'), apiGroups: many('g'), resources: many('r') }];
  const path = `/apis/${apiGroup}/v1/namespaces/shop/roles`;
  const refused = await server.call('POST', path, { metadata: { name: 'big' }, rules }, certificate('bob'));
  assert.equal(refused.code, 403);
  assert.match(refused.body.message ?? '', /more than 100000 combinations/);
  const allowed = await server.call('POST', path, { metadata: { name: 'big' }, rules }, certificate('alice'));
  assert.equal(allowed.code, 201);
});
