import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quotaUsed } from '../../api/quota/usage.ts';
import type { ResourceQuota } from '../../api/types.gen.ts';
import { createServer, namespace, type TestServer } from '../fixture/server.ts';
import { createWorld, type World } from '../fixture/world.ts';

const quotas = '/api/v1/namespaces/shop/resourcequotas';

async function shop(hard: Record<string, string>, spec: object = {}): Promise<{ world: World; server: TestServer }> {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  await server.call('POST', quotas, { metadata: { name: 'q' }, spec: { hard, ...spec } });
  await count(world, server);
  return { world, server };
}

/** What the quota controller does: counts, and writes the status if nobody wrote it meanwhile. */
async function count(world: World, server: TestServer): Promise<void> {
  const { body } = await server.call('GET', `${quotas}/q`);
  const quota = body as unknown as ResourceQuota;
  const objects = new Map<string, Awaited<ReturnType<typeof world.access.lister.list>>>();
  for (const resource of ['pods', 'configmaps', 'services']) {
    objects.set(resource, await world.access.lister.list(resource, 'shop'));
  }
  const used = quotaUsed(quota, (resource) => objects.get(resource) ?? [], world.clock.now());
  await server.call('PUT', `${quotas}/q/status`, { ...body, status: { hard: quota.spec?.hard, used } });
}

async function used(server: TestServer): Promise<Record<string, string>> {
  const { body } = await server.call('GET', `${quotas}/q`);
  return (body as unknown as ResourceQuota).status?.used as Record<string, string>;
}

const configMap = (name: string) => ({ metadata: { name } });
const maps = '/api/v1/namespaces/shop/configmaps';
const pods = '/api/v1/namespaces/shop/pods';
const pod = (name: string, cpu: string) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu }, limits: { cpu } } }] },
});

/** Makes every call to the store wait a random number of turns, so that writers interleave in another way for each seed. */
function interleave(world: World, seed: number): void {
  let state = seed;
  const turns = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % 7;
  };
  for (const name of ['get', 'list', 'commit', 'changesSince', 'head'] as const) {
    const original = world.store[name].bind(world.store) as (...all: never[]) => Promise<unknown>;
    const slow = async (...all: never[]): Promise<unknown> => {
      for (let i = turns(); i > 0; i--) await Promise.resolve();
      const result = await original(...all);
      for (let i = turns(); i > 0; i--) await Promise.resolve();
      return result;
    };
    Object.assign(world.store, { [name]: slow });
  }
}

test('many writers at two API servers never share the last of a quota', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const { world, server } = await shop({ 'count/configmaps': '10' });
    const other = await createServer(world);
    interleave(world, seed);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 ? server : other).call('POST', maps, configMap(`m${i}`))),
    );
    const created = answers.filter(({ code }) => code === 201).length;
    assert.equal(created, 10, `seed ${seed}`);
    const refused = answers.find(({ code }) => code !== 201);
    assert.match(
      refused?.body.message ?? '',
      /^configmaps "m\d+" is forbidden: exceeded quota: q, requested: count\/configmaps=1, used: count\/configmaps=10, limited: count\/configmaps=10$/,
    );
    assert.deepEqual(await used(server), { 'count/configmaps': '10' });
    assert.equal((await world.access.lister.list('configmaps', 'shop')).length, 10);
  }
});

test('writers that fail give back what they had counted', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const { world, server } = await shop({ 'count/configmaps': '5' });
    const other = await createServer(world);
    interleave(world, seed);
    // Ten writers for each of four names: one of each wins, the others find the name taken.
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? server : other).call('POST', maps, configMap(`m${i % 4}`))),
    );
    const codes = answers.map(({ code }) => code);
    assert.ok(
      codes.every((code) => code === 201 || code === 409 || code === 403),
      codes.join(),
    );
    const stored = (await world.access.lister.list('configmaps', 'shop')).length;
    assert.equal(codes.filter((code) => code === 201).length, stored);
    assert.deepEqual(await used(server), { 'count/configmaps': String(stored) }, `seed ${seed}`);
  }
});

test('compute resources are added up exactly, over init containers and all', async () => {
  const { server } = await shop({ 'requests.cpu': '1', pods: '10' });
  assert.equal((await server.call('POST', pods, pod('a', '300m'))).code, 201);
  assert.equal((await server.call('POST', pods, pod('b', '0.7'))).code, 201);
  const refused = await server.call('POST', pods, pod('c', '1m'));
  assert.equal(
    refused.body.message,
    'pods "c" is forbidden: exceeded quota: q, requested: requests.cpu=1m, used: requests.cpu=1, limited: requests.cpu=1',
  );
  assert.deepEqual(await used(server), { 'requests.cpu': '1', pods: '2' });
});

test('a dry run is checked and not counted', async () => {
  const { server } = await shop({ 'count/configmaps': '1' });
  assert.equal((await server.call('POST', `${maps}?dryRun=All`, configMap('a'))).code, 201);
  assert.deepEqual(await used(server), { 'count/configmaps': '0' });
  await server.call('POST', maps, configMap('a'));
  assert.equal((await server.call('POST', `${maps}?dryRun=All`, configMap('b'))).code, 403);
});

test('a scoped quota counts only the pods in its scope, and ended pods free what they held', async () => {
  const selector = { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] };
  const { world, server } = await shop({ pods: '1' }, { scopeSelector: selector });
  await server.call('POST', '/apis/scheduling.k8s.io/v1/priorityclasses', { metadata: { name: 'high' }, value: 10 });
  const high = (name: string) => {
    const { metadata, spec } = pod(name, '1');
    return { metadata, spec: { ...spec, priorityClassName: 'high' } };
  };
  assert.equal((await server.call('POST', pods, pod('usual', '1'))).code, 201);
  assert.equal((await server.call('POST', pods, high('one'))).code, 201);
  assert.equal((await server.call('POST', pods, high('two'))).code, 403);
  await server.call('PATCH', `${pods}/one/status`, { status: { phase: 'Succeeded' } });
  await count(world, server);
  assert.deepEqual(await used(server), { pods: '0' });
  assert.equal((await server.call('POST', pods, high('two'))).code, 201);
});

test('a service that grows into a node port counts the difference', async () => {
  const { server } = await shop({ services: '2', 'services.nodeports': '1' });
  const services = '/api/v1/namespaces/shop/services';
  const of = (name: string, type: string) => ({ metadata: { name }, spec: { type, ports: [{ port: 80 }] } });
  await server.call('POST', services, of('a', 'ClusterIP'));
  assert.deepEqual(await used(server), { services: '1', 'services.nodeports': '0' });
  assert.equal((await server.call('PATCH', `${services}/a`, { spec: { type: 'NodePort' } })).code, 200);
  assert.deepEqual(await used(server), { services: '1', 'services.nodeports': '1' });
  assert.equal((await server.call('POST', services, of('b', 'NodePort'))).code, 403);
});
