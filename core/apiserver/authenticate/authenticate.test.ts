import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { certificate, createServer, namespace, type TestServer } from '../fixture/server.ts';
import { createWorld, issuer, testKey, type World } from '../fixture/world.ts';

const whoAmI = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const tokenPath = (name: string): string => `/api/v1/namespaces/shop/serviceaccounts/${name}/token`;

interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
  extra?: Record<string, string[]>;
}

async function shop(): Promise<{ world: World; server: TestServer }> {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  return { world, server };
}

async function userOf(server: TestServer, token: string): Promise<UserInfo | number> {
  const { code, body } = await server.call('POST', whoAmI, review, { token });
  return code === 201 ? (body['status'] as { userInfo: UserInfo }).userInfo : code;
}

async function newToken(server: TestServer, name: string, spec: object = {}): Promise<string> {
  const { code, body } = await server.call('POST', tokenPath(name), { spec });
  assert.equal(code, 201, body.message);
  return (body['status'] as { token: string }).token;
}

const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n1' } };

test('a service account token says who its bearer is, for an hour', async () => {
  const { world, server } = await shop();
  const token = await newToken(server, 'default');
  const user = (await userOf(server, token)) as UserInfo;
  assert.equal(user.username, 'system:serviceaccount:shop:default');
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']);
  assert.match(user.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^JTI=/);
  world.pass(59 * 60_000);
  assert.equal(typeof (await userOf(server, token)), 'object');
  world.pass(3 * 60_000);
  assert.equal(await userOf(server, token), 401);
});

test("a pod's token carries the pod and its node, and ends with the pod", async () => {
  const { world, server } = await shop();
  const created = await server.call('POST', '/api/v1/namespaces/shop/pods', pod);
  const { uid } = created.body.metadata;
  const token = await newToken(server, 'default', {
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid },
  });
  const { extra } = (await userOf(server, token)) as UserInfo;
  assert.deepEqual(extra?.['authentication.kubernetes.io/pod-name'], ['web']);
  assert.deepEqual(extra?.['authentication.kubernetes.io/pod-uid'], [uid]);
  assert.deepEqual(extra?.['authentication.kubernetes.io/node-name'], ['n1']);
  await world.remove('pods', 'shop', 'web');
  assert.equal(await userOf(server, token), 401);
  await server.call('POST', '/api/v1/namespaces/shop/pods', pod);
  assert.equal(await userOf(server, token), 401, 'a pod of the same name is another pod');
});

test('the default token of a pod lives on for those who do not know that tokens expire', async () => {
  const { world, server } = await shop();
  await server.call('POST', '/api/v1/namespaces/shop/pods', pod);
  const ref = { apiVersion: 'v1', kind: 'Pod', name: 'web' };
  const token = await newToken(server, 'default', { boundObjectRef: ref, expirationSeconds: 3607 });
  world.pass(300 * 86_400_000);
  assert.equal(typeof (await userOf(server, token)), 'object');
  world.pass(66 * 86_400_000);
  assert.equal(await userOf(server, token), 401);
});

test('an account deleted and made again does not inherit the tokens', async () => {
  const { world, server } = await shop();
  const token = await newToken(server, 'default');
  await world.remove('serviceaccounts', 'shop', 'default');
  assert.equal(await userOf(server, token), 401);
  await world.put('serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'shop', uid: 'another' },
  });
  assert.equal(await userOf(server, token), 401);
});

test('a token for another audience does not open the API, and a review for that audience knows it', async () => {
  const { server } = await shop();
  const token = await newToken(server, 'default', { audiences: ['vault'] });
  assert.equal(await userOf(server, token), 401);
  const ask = async (audiences: string[]) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
    const answer = await server.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', body);
    return answer.body['status'] as { authenticated?: boolean; audiences?: string[]; error?: string };
  };
  assert.deepEqual((await ask(['vault', 'x'])).audiences, ['vault']);
  const refused = await ask([]);
  assert.equal(refused.authenticated, undefined);
  assert.match(refused.error ?? '', /token audiences \["vault"\] is invalid for the target audiences/);
});

test('a forged token is refused: another key, no signature, a changed payload', async () => {
  const { world, server } = await shop();
  const token = await newToken(server, 'default');
  const [head = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>;
  const encode = (value: unknown): string =>
    btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  const other = await testKey();
  const { kid } = JSON.parse(atob(head)) as { kid: string };
  const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(other.privateKey!);
  const renamed = { ...claims, sub: 'system:serviceaccount:kube-system:admin' };
  for (const bad of [
    forged,
    `${encode({ alg: 'none' })}.${payload}.`,
    `${head}.${encode(renamed)}.${signature}`,
    `${token}x`,
    'nonsense',
    'a.b.c',
  ]) {
    assert.equal(await userOf(server, bad), 401, bad);
  }
  const expired = { ...claims, exp: Math.floor(world.clock.now() / 1000) - 3600 };
  assert.equal(await userOf(server, `${head}.${encode(expired)}.${signature}`), 401);
});

test('a wrong token is 401 as kube-apiserver says it, none at all is the anonymous user', async () => {
  const { server } = await shop();
  const wrong = await server.call('GET', '/api/v1/nodes', undefined, { token: 'wrong' });
  assert.equal(wrong.code, 401);
  assert.deepEqual(wrong.body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  });
  const nobody = await server.call('GET', '/api/v1/nodes', undefined, {});
  assert.equal(nobody.code, 403);
  assert.equal(
    nobody.body.message,
    'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope',
  );
  assert.equal((await server.call('GET', '/readyz', undefined, {})).code, 200);
  assert.equal((await server.call('GET', '/version', undefined, {})).code, 200);
});

test('a client certificate is a user with its organizations as groups', async () => {
  const { server } = await shop();
  const { body } = await server.call('POST', whoAmI, review, certificate('jane', 'devs', 'ops'));
  const { userInfo } = body['status'] as { userInfo: UserInfo };
  assert.equal(userInfo.username, 'jane');
  assert.deepEqual(userInfo.groups, ['devs', 'ops', 'system:authenticated']);
  assert.deepEqual(userInfo.extra?.['authentication.kubernetes.io/credential-id'], ['X509SHA256=aabb']);
});

const bootstrapSecret = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'bootstrap.kubernetes.io/token',
  metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system', uid: 'x' },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(value)])),
});
const tokenData = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
};

test('a bootstrap token lets a new node ask for a certificate and nothing else, until it expires', async () => {
  const { world, server } = await shop();
  const token = 'abcdef.0123456789abcdef';
  assert.equal(await userOf(server, token), 401);
  await world.put(
    'secrets',
    bootstrapSecret({
      ...tokenData,
      expiration: '2026-01-02T04:00:00Z',
      'auth-extra-groups': 'system:bootstrappers:web',
    }),
  );
  const user = (await userOf(server, token)) as UserInfo;
  assert.equal(user.username, 'system:bootstrap:abcdef');
  assert.deepEqual(user.groups, ['system:bootstrappers', 'system:bootstrappers:web', 'system:authenticated']);
  const may = async (verb: string, resource: string, group = ''): Promise<unknown> => {
    const spec = { resourceAttributes: { verb, resource, group } };
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
    const answer = await server.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', body, { token });
    return (answer.body['status'] as { allowed: boolean }).allowed;
  };
  assert.equal(await may('create', 'certificatesigningrequests', 'certificates.k8s.io'), true);
  assert.equal(await may('get', 'secrets'), false);
  assert.equal(await userOf(server, 'abcdef.0123456789abcdee'), 401);
  world.pass(60 * 60_000);
  assert.equal(await userOf(server, token), 401);
});

test('a bootstrap token without its usage, of another type, or with a group that is not allowed is useless', async () => {
  const { world, server } = await shop();
  for (const secret of [
    bootstrapSecret({ ...tokenData, 'usage-bootstrap-authentication': 'false' }),
    { ...bootstrapSecret(tokenData), type: 'Opaque' },
    bootstrapSecret({ ...tokenData, 'auth-extra-groups': 'system:masters' }),
    bootstrapSecret({ ...tokenData, expiration: 'whenever' }),
  ]) {
    await world.put('secrets', secret);
    assert.equal(await userOf(server, 'abcdef.0123456789abcdef'), 401);
  }
});

test('the keys are published so that others can check the tokens', async () => {
  const { server } = await shop();
  const token = await newToken(server, 'default');
  const document = await server.call('GET', '/.well-known/openid-configuration', undefined, { token });
  assert.equal((document.body as unknown as { issuer: string }).issuer, issuer);
  const keys = await server.call('GET', '/openid/v1/jwks', undefined, { token });
  const [jwk] = (keys.body as unknown as { keys: { kid: string; kty: string; d?: string }[] }).keys;
  assert.equal(jwk?.kid, (JSON.parse(atob(token.split('.')[0] ?? '')) as { kid: string }).kid);
  assert.equal(jwk?.d, undefined, 'the private part stays here');
});
