import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregatedRules } from '../api/aggregate-roles.ts';
import type { ClusterRole, Endpoints, Service } from '../api/types.gen.ts';
import { bootstrap } from './bootstrap.ts';
import { createWorld, type World } from './fixture/world.ts';

const options = { endpoint: { ip: '10.1.2.3', port: 6443 }, serviceIp: '10.96.0.1', serviceCidrs: ['10.96.0.0/16'] };
const roles = 'clusterroles.rbac.authorization.k8s.io';

const clusterRole = async (world: World, name: string): Promise<ClusterRole | undefined> =>
  (await world.store.get(roles, { namespace: '', name }))?.object as ClusterRole | undefined;

test('a new cluster has its namespaces, roles, priority classes and the service of the API', async () => {
  const world = await createWorld();
  const names = async (resource: string) =>
    (await world.store.list(resource)).items.map(({ object }) => object.metadata.name).sort();
  assert.deepEqual(await names('namespaces'), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  assert.deepEqual(await names('priorityclasses.scheduling.k8s.io'), [
    'system-cluster-critical',
    'system-node-critical',
  ]);
  assert.equal((await names(roles)).length, 70);
  assert.deepEqual(await names('services'), ['kubernetes']);
  assert.equal((await names('flowschemas.flowcontrol.apiserver.k8s.io')).length, 11);
  for (const { object } of (await world.store.list(roles)).items) assert.ok(object.metadata.uid);
});

test('admin holds all that edit holds, and edit all that view holds', async () => {
  const world = await createWorld();
  const all = (await world.store.list(roles)).items.map(({ object }) => object as unknown as ClusterRole);
  for (const [wide, narrow] of [
    ['admin', 'edit'],
    ['edit', 'view'],
  ] as const) {
    const rules = new Set((await clusterRole(world, wide))?.rules?.map((rule) => JSON.stringify(rule)));
    for (const rule of (await clusterRole(world, narrow))?.rules ?? []) assert.ok(rules.has(JSON.stringify(rule)));
  }
  const view = all.find(({ metadata }) => metadata?.name === 'view')!;
  assert.deepEqual(aggregatedRules(view, all), view.rules, 'the aggregation controller finds nothing to do');
});

test('a second start writes nothing', async () => {
  const world = await createWorld();
  const before = await Promise.all(
    [roles, 'namespaces', 'services', 'endpoints'].map((resource) => world.store.head(resource)),
  );
  await bootstrap(world, options);
  const after = await Promise.all(
    [roles, 'namespaces', 'services', 'endpoints'].map((resource) => world.store.head(resource)),
  );
  assert.deepEqual(after, before);
});

test('the address of DNS is a service’s of its own, unless an older cluster has given it to another', async () => {
  const world = await createWorld();
  const dns = { namespace: 'kube-system', name: 'kube-dns' };
  const address = { namespace: '', name: '10.96.0.10' };
  await bootstrap(world, { ...options, dnsIp: address.name });
  const service = (await world.store.get('services', dns))?.object as Service | undefined;
  assert.equal(service?.spec?.clusterIP, address.name);
  assert.deepEqual(
    service?.spec?.ports?.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`),
    ['dns 53/UDP', 'dns-tcp 53/TCP'],
  );
  const heads = () => Promise.all(['services', 'ipaddresses.networking.k8s.io'].map((one) => world.store.head(one)));
  const before = await heads();
  await bootstrap(world, { ...options, dnsIp: address.name });
  assert.deepEqual(await heads(), before, 'a second start writes nothing');

  const older = await createWorld();
  const claim = (await world.store.get('ipaddresses.networking.k8s.io', address))!.object;
  const object = { ...claim, spec: { parentRef: { resource: 'services', namespace: 'default', name: 'mine' } } };
  const resource = 'ipaddresses.networking.k8s.io';
  await older.store.commit({ op: 'put', resource, key: address, object, expected: 'absent' });
  await bootstrap(older, { ...options, dnsIp: address.name });
  assert.equal(await older.store.get('services', dns), undefined);
});

test('two API servers that start at once agree', async () => {
  const world = await createWorld({ empty: true });
  await Promise.all([bootstrap(world, options), bootstrap(world, options)]);
  assert.equal((await world.store.list(roles)).items.length, 70);
});

test('a start gives back what a default role lost, keeps what it gained, and leaves alone what users took over', async () => {
  const world = await createWorld();
  const name = 'system:node-bootstrapper';
  const standing = (await clusterRole(world, name))!;
  const extra = { verbs: ['get'], apiGroups: [''], resources: ['configmaps'] };
  const changed = (role: ClusterRole, more: object = {}) => world.put(roles, { ...role, ...more } as never);
  await changed(standing, { rules: [extra] });
  await bootstrap(world, options);
  const mended = (await clusterRole(world, name))?.rules ?? [];
  assert.deepEqual(mended[0], extra);
  assert.ok(mended.length > 1);
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
  await changed(standing, { metadata: { ...standing.metadata, annotations }, rules: [] });
  await bootstrap(world, options);
  assert.deepEqual((await clusterRole(world, name))?.rules, []);
});

test('an API server at a new address moves the endpoint of the service', async () => {
  const world = await createWorld();
  await bootstrap(world, { ...options, endpoint: { ip: '10.9.9.9', port: 7443 } });
  const found = await world.store.get('endpoints', { namespace: 'default', name: 'kubernetes' });
  const [subset] = (found?.object as Endpoints | undefined)?.subsets ?? [];
  assert.equal(subset?.addresses?.[0]?.ip, '10.9.9.9');
  assert.equal(subset?.ports?.[0]?.port, 7443);
});

test('who joins finds the address and the authority of the cluster', async () => {
  const world = await createWorld({ empty: true });
  await bootstrap(world, { ...options, clusterInfo: { server: 'https://api.test:6443', caPem: 'PEM' } });
  const found = await world.store.get('configmaps', { namespace: 'kube-public', name: 'cluster-info' });
  const { kubeconfig } = (found?.object['data'] ?? {}) as { kubeconfig?: string };
  assert.match(kubeconfig ?? '', /server: https:\/\/api\.test:6443/);
  assert.match(kubeconfig ?? '', new RegExp(`certificate-authority-data: ${btoa('PEM')}`));
});
