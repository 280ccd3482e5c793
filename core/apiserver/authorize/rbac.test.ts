import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import type { PolicyRule } from '../../api/types.gen.ts';
import { createWorld, type World } from '../fixture/world.ts';
import type { AuthorizerAttributes, User } from '../server.ts';
import { allOf } from './authorize.ts';
import { forbiddenByAuthorizer } from './forbidden.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const alice: User = { username: 'alice', groups: ['devs', 'system:authenticated'] };

const ask = (
  user: User,
  verb: string,
  resource: string,
  more: Partial<AuthorizerAttributes> = {},
): AuthorizerAttributes => {
  const [qualified = '', subresource = ''] = resource.split('/');
  const [plural = '', ...rest] = qualified.split('.');
  const isResource = !resource.startsWith('/');
  return {
    user,
    verb,
    isResource,
    group: isResource ? rest.join('.') : '',
    version: 'v1',
    plural: isResource ? plural : '',
    subresource: isResource ? subresource : '',
    namespace: '',
    name: '',
    path: isResource ? '' : resource,
    ...more,
  };
};

const decide = (world: World, attributes: AuthorizerAttributes) => allOf(world.access.authorizers)(attributes);

async function role(world: World, name: string, rules: PolicyRule[], namespace = ''): Promise<void> {
  const kind = namespace ? 'Role' : 'ClusterRole';
  const metadata = { name, ...(namespace ? { namespace } : {}) };
  await world.put(namespace ? `roles.${group}` : `clusterroles.${group}`, { apiVersion, kind, metadata, rules });
}

async function bind(world: World, to: string, subject: object, namespace = '', kind = 'ClusterRole'): Promise<void> {
  const binding: KubeObject = {
    apiVersion,
    kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: { name: `bind-${to}`, ...(namespace ? { namespace } : {}) },
    roleRef: { apiGroup: group, kind, name: to },
    subjects: [subject],
  };
  await world.put(namespace ? `rolebindings.${group}` : `clusterrolebindings.${group}`, binding);
}

test('who was granted nothing may look around but read no pods, and is told so in the known words', async () => {
  const world = await createWorld();
  assert.equal((await decide(world, ask(alice, 'get', '/apis/apps/v1'))).allowed, true);
  assert.equal(
    (await decide(world, ask(alice, 'create', 'selfsubjectaccessreviews.authorization.k8s.io'))).allowed,
    true,
  );
  const question = ask(alice, 'list', 'pods', { namespace: 'default' });
  const decision = await decide(world, question);
  assert.equal(decision.allowed, false);
  const refusal = forbiddenByAuthorizer(question, decision.reason);
  assert.equal(
    refusal.message,
    'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  const path = ask(alice, 'get', '/metrics');
  assert.equal(
    forbiddenByAuthorizer(path, (await decide(world, path)).reason).message,
    'forbidden: User "alice" cannot get path "/metrics"',
  );
});

test('the anonymous user reads health and version and nothing else', async () => {
  const world = await createWorld();
  const nobody: User = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
  for (const path of ['/healthz', '/livez', '/readyz', '/version', '/version/']) {
    assert.equal((await decide(world, ask(nobody, 'get', path))).allowed, true, path);
  }
  for (const path of ['/api', '/apis', '/openapi/v3', '/metrics']) {
    assert.equal((await decide(world, ask(nobody, 'get', path))).allowed, false, path);
  }
  assert.equal((await decide(world, ask(nobody, 'list', 'namespaces'))).allowed, false);
});

test('a role binding grants in its own namespace, a cluster role binding everywhere', async () => {
  const world = await createWorld();
  await bind(world, 'view', { kind: 'User', apiGroup: group, name: 'alice' }, 'shop');
  const there = await decide(world, ask(alice, 'list', 'pods', { namespace: 'shop' }));
  assert.deepEqual(there, {
    allowed: true,
    reason: 'RBAC: allowed by RoleBinding "bind-view/shop" of ClusterRole "view" to User "alice"',
  });
  assert.equal((await decide(world, ask(alice, 'list', 'pods', { namespace: 'other' }))).allowed, false);
  assert.equal((await decide(world, ask(alice, 'list', 'secrets', { namespace: 'shop' }))).allowed, false);
  await bind(world, 'edit', { kind: 'Group', apiGroup: group, name: 'devs' });
  assert.equal((await decide(world, ask(alice, 'create', 'deployments.apps', { namespace: 'other' }))).allowed, true);
  assert.equal((await decide(world, ask(alice, 'list', 'secrets', { namespace: 'shop' }))).allowed, true);
  assert.equal(
    (await decide(world, ask(alice, 'create', 'roles.rbac.authorization.k8s.io', { namespace: 'x' }))).allowed,
    false,
  );
});

test('a service account is a subject by name and namespace, and the namespace may be left to the binding', async () => {
  const world = await createWorld();
  await role(world, 'reader', [{ verbs: ['get'], apiGroups: [''], resources: ['configmaps'] }], 'shop');
  await bind(world, 'reader', { kind: 'ServiceAccount', name: 'web' }, 'shop', 'Role');
  const user = (namespace: string): User => ({ username: `system:serviceaccount:${namespace}:web`, groups: [] });
  const question = (namespace: string) => ask(user(namespace), 'get', 'configmaps', { namespace: 'shop', name: 'x' });
  assert.equal((await decide(world, question('shop'))).allowed, true);
  assert.equal((await decide(world, question('other'))).allowed, false);
});

test('subresources, resource names and wildcards are matched as documented', async () => {
  const world = await createWorld();
  await role(world, 'mixed', [
    { verbs: ['get'], apiGroups: [''], resources: ['pods/log'] },
    { verbs: ['update'], apiGroups: ['*'], resources: ['*/scale'] },
    { verbs: ['get', 'delete'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] },
    { verbs: ['*'], apiGroups: ['batch'], resources: ['*'] },
    { verbs: ['get'], nonResourceURLs: ['/metrics', '/debug/*'] },
  ]);
  await bind(world, 'mixed', { kind: 'User', apiGroup: group, name: 'alice' });
  const cases: [string, string, Partial<AuthorizerAttributes>, boolean][] = [
    ['get', 'pods/log', { namespace: 'a', name: 'x' }, true],
    ['get', 'pods', { namespace: 'a', name: 'x' }, false],
    ['get', 'pods/exec', { namespace: 'a', name: 'x' }, false],
    ['update', 'deployments.apps/scale', { namespace: 'a', name: 'x' }, true],
    ['update', 'deployments.apps', { namespace: 'a', name: 'x' }, false],
    ['get', 'secrets', { namespace: 'a', name: 'one' }, true],
    ['get', 'secrets', { namespace: 'a', name: 'two' }, false],
    ['list', 'secrets', { namespace: 'a' }, false],
    ['delete', 'secrets', { namespace: 'a' }, false],
    ['deletecollection', 'jobs.batch', {}, true],
    ['patch', 'jobs.batch/status', { name: 'x' }, true],
    ['get', '/metrics', {}, true],
    ['get', '/metrics/more', {}, false],
    ['get', '/debug/pprof/heap', {}, true],
    ['post', '/debug/pprof/heap', {}, false],
  ];
  for (const [verb, resource, more, allowed] of cases) {
    assert.equal((await decide(world, ask(alice, verb, resource, more))).allowed, allowed, `${verb} ${resource}`);
  }
});

test('a binding to a role that does not exist grants nothing and says so', async () => {
  const world = await createWorld();
  await bind(world, 'ghost', { kind: 'User', apiGroup: group, name: 'alice' });
  const decision = await decide(world, ask(alice, 'list', 'pods'));
  assert.deepEqual(decision, {
    allowed: false,
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "ghost" not found',
  });
});

test('a grant taken back is gone for the next request', async () => {
  const world = await createWorld();
  await bind(world, 'view', { kind: 'User', apiGroup: group, name: 'alice' });
  assert.equal((await decide(world, ask(alice, 'list', 'pods'))).allowed, true);
  await world.remove(`clusterrolebindings.${group}`, '', 'bind-view');
  assert.equal((await decide(world, ask(alice, 'list', 'pods'))).allowed, false);
});

test('members of system:masters need no role', async () => {
  const world = await createWorld({ empty: true });
  const admin: User = { username: 'root', groups: ['system:masters'] };
  assert.equal((await decide(world, ask(admin, 'delete', 'nodes', { name: 'x' }))).allowed, true);
});
