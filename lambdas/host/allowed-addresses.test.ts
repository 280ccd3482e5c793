// Who may call from where, over the composed API.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { environment } from '../../aws/names.ts';
import { resources } from '../../core/client/resources.ts';
import { env, type TestCluster, testCluster, tokenOf } from '../fixture/composed.ts';
import { type Composed, composeFresh } from './compose.ts';

let cluster: TestCluster;
let composed: Composed;
before(async () => {
  cluster = await testCluster();
  const restricted = { ...env, [environment.allowedAddresses]: '198.51.100.0/24,2001:db8::/32' };
  composed = await composeFresh({ ...cluster.options, env: restricted });
});

async function ask(path: string, address: string | undefined, token?: string, method = 'GET') {
  const headers = token ? { authorization: `Bearer ${token}` } : undefined;
  const request = new Request(`https://api${path}`, { method, ...(headers ? { headers } : {}) });
  const response = await composed.api.fetch(request, address === undefined ? {} : { address });
  return { code: response.status, text: await response.text() };
}

const admin = (): string => tokenOf(cluster, 'Admin', 'jane');
const worker = (): string => tokenOf(cluster, 'Workers', 'i-0123456789abcdef0');

test('people call from the ranges only', async () => {
  for (const address of ['198.51.100.7', '2001:db8:1::1'])
    assert.equal((await ask('/api/v1/namespaces', address, admin())).code, 200, address);
  for (const address of ['192.0.2.1', '2001:db9::1', '198.51.101.1', 'unknown', undefined]) {
    const { code, text } = await ask('/api/v1/namespaces', address, admin());
    assert.equal(code, 403, address);
    assert.match(text, /allowedAddresses/);
  }
});

test('workers come from wherever their instance is, and so do pods', async () => {
  const { code, text } = await ask('/api/v1/nodes/i-0123456789abcdef0', '203.0.113.9', worker());
  assert.equal(code, 404, text);
  const client = composed.clientOf('test');
  const name = { namespace: 'default', name: 'job' };
  await client.create(resources.serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: name });
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} });
  const request = new Request('https://api/api/v1/namespaces/default/serviceaccounts/job/token', {
    method: 'POST',
    body,
    headers: { authorization: `Bearer ${admin()}`, 'content-type': 'application/json' },
  });
  const answer = await composed.api.fetch(request, { address: '198.51.100.7' });
  const { status } = (await answer.json()) as { status: { token: string } };
  assert.equal((await ask('/version', '203.0.113.9', status.token)).code, 200);
});

test('everybody learns the public keys of tokens from everywhere, and nothing else', async () => {
  assert.equal((await ask('/openid/v1/jwks', '192.0.2.1')).code, 200);
  assert.equal((await ask('/api/v1/namespaces', '192.0.2.1')).code, 403);
  assert.equal((await ask('/api/v1/namespaces', '192.0.2.1', 'no-token')).code, 401);
});

test("the functions' own clients come from nowhere", async () => {
  assert.ok((await composed.clientOf('test').list(resources.namespaces)).items.length > 0);
});
