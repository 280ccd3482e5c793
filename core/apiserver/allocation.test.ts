import assert from 'node:assert/strict';
import test from 'node:test';
import { type Body, patchTypes, startApi } from './fixture/api.ts';

const path = '/api/v1/namespaces/shop/services';
const service = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
});
const specOf = (body: Body) =>
  body['spec'] as { clusterIP: string; clusterIPs: string[]; ports: { nodePort: number }[]; ipFamilies: string[] };

test('a service gets an address of the network, which an IPAddress object holds until the service is gone', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/24' } });
  const { clusterIP, clusterIPs, ipFamilies } = specOf((await call('POST', path, service('a'))).body);
  assert.match(clusterIP, /^10\.9\.0\.\d+$/);
  assert.deepEqual([clusterIPs, ipFamilies], [[clusterIP], ['IPv4']]);
  const address = `/apis/networking.k8s.io/v1/ipaddresses/${clusterIP}`;
  assert.deepEqual((await call('GET', address)).body['spec'], {
    parentRef: { resource: 'services', name: 'a', namespace: 'shop' },
  });
  await call('DELETE', `${path}/a`);
  assert.equal((await call('GET', address)).status, 404);
});

test('an address that is asked for is given once, and must be of the network', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/24' } });
  assert.equal((await call('POST', path, service('a', { clusterIP: '10.9.0.10' }))).status, 201);
  const taken = await call('POST', path, service('b', { clusterIP: '10.9.0.10' }));
  assert.equal(taken.status, 422);
  assert.match(taken.body.message, /failed to allocate IP 10.9.0.10: provided IP is already allocated/);
  assert.equal((await call('POST', path, service('c', { clusterIP: '10.8.0.10' }))).status, 422);
  assert.equal((await call('POST', path, service('d', { clusterIP: 'None' }))).status, 201);
});

test('what a refused create had claimed is free again', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/24' } });
  await call('POST', path, service('a'));
  const before = (await call('GET', '/apis/networking.k8s.io/v1/ipaddresses')).body.items.length;
  assert.equal((await call('POST', path, service('a'))).status, 409);
  assert.equal((await call('GET', '/apis/networking.k8s.io/v1/ipaddresses')).body.items.length, before);
});

test('two servers on one store never give one address twice', async () => {
  const one = startApi({ services: { cidr: '10.9.0.0/27' } });
  const two = startApi({ services: { cidr: '10.9.0.0/27' } }, one.store);
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, i) => (i % 2 ? one : two).call('POST', path, service(`s${i}`))),
  );
  const addresses = answers.map(({ body }) => specOf(body).clusterIP);
  assert.equal(new Set(addresses).size, 24);
});

test('two servers on one store never give one node port twice', async () => {
  const services = { cidr: '10.9.0.0/24', nodePorts: { first: 30000, last: 30023 } };
  const one = startApi({ services });
  const two = startApi({ services }, one.store);
  const made = (i: number, spec: object) => (i % 2 ? one : two).call('POST', path, service(`s${i}`, spec));
  const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => made(i, { type: 'NodePort' })));
  assert.equal(new Set(answers.map(({ body }) => specOf(body).ports[0]?.nodePort)).size, 24);
  const [, named = 0] = answers.map(({ body }) => specOf(body).ports[0]?.nodePort);
  await one.call('DELETE', `${path}/s1`);
  const wish = { type: 'NodePort', ports: [{ port: 80, nodePort: named }] };
  const wished = await Promise.all(Array.from({ length: 6 }, (_, i) => made(100 + i, wish)));
  assert.deepEqual(wished.map(({ status }) => status).sort(), [201, 422, 422, 422, 422, 422]);
});

test('when the network is full the create fails and says so', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/30' } });
  assert.equal((await call('POST', path, service('a'))).status, 201);
  const full = await call('POST', path, service('b', { clusterIP: '10.9.0.1' }));
  assert.equal(full.status, 201);
  assert.match((await call('POST', path, service('c'))).body.message, /range is full/);
});

test('node ports are given, kept on update, refused when taken, and freed when the type no longer has them', async () => {
  const { call } = startApi({ services: { nodePorts: { first: 30000, last: 30010 } } });
  const made = (await call('POST', path, service('a', { type: 'NodePort' }))).body;
  const { nodePort } = specOf(made).ports[0]!;
  assert.ok(nodePort >= 30000 && nodePort <= 30010);
  const taken = await call('POST', path, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort }] }));
  assert.match(taken.body.message, /provided port is already allocated/);
  const outside = await call('POST', path, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }));
  assert.match(outside.body.message, /The range of valid ports is 30000-30010/);
  const put = await call('PUT', `${path}/a`, service('a', { type: 'NodePort' }));
  assert.equal(specOf(put.body).ports[0]!.nodePort, nodePort);
  const changed = await call('PATCH', `${path}/a`, { spec: { type: 'ClusterIP' } }, patchTypes.merge);
  assert.equal(specOf(changed.body).ports[0]!.nodePort, undefined);
  assert.equal(
    (await call('POST', path, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort }] }))).status,
    201,
  );
});

test('a service that becomes an external name gives its address back', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/24' } });
  const { clusterIP } = specOf((await call('POST', path, service('a'))).body);
  const { status, body } = await call(
    'PATCH',
    `${path}/a`,
    { spec: { type: 'ExternalName', externalName: 'example.com' } },
    patchTypes.merge,
  );
  assert.equal(status, 200);
  assert.equal(specOf(body).clusterIP, undefined);
  assert.equal((await call('GET', `/apis/networking.k8s.io/v1/ipaddresses/${clusterIP}`)).status, 404);
});

test('a dry run claims nothing', async () => {
  const { call } = startApi({ services: { cidr: '10.9.0.0/24' } });
  const { body } = await call('POST', `${path}?dryRun=All`, service('a', { type: 'NodePort' }));
  assert.notEqual(specOf(body).clusterIP, undefined);
  assert.equal((await call('GET', '/apis/networking.k8s.io/v1/ipaddresses')).body.items.length, 0);
});
