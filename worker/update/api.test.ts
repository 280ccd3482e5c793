// An update's calls against the real API server, as a node: what a node may do, and may not, on its way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatus } from '../../core/api/errors.ts';
import { agentUpdateLease } from '../../core/api/node-sync.ts';
import type { Node, Pod } from '../../core/api/types.gen.ts';
import { createAccess } from '../../core/apiserver/access-control.ts';
import { createApiServer } from '../../core/apiserver/app.ts';
import { createServer, namespace, node } from '../../core/apiserver/fixture/server.ts';
import { createWorld, issuer } from '../../core/apiserver/fixture/world.ts';
import { httpClient } from '../../core/client/http.ts';
import { resources } from '../../core/client/resources.ts';
import { evict } from './drain.ts';
import { UpdateLock } from './lock.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

async function stand() {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  const clientOf = (name: string) =>
    httpClient({ baseUrl: 'https://api.test', fetch: async (request) => server.api.fetch(request, node(name).peer!) });
  for (const name of ['n1', 'n2']) await server.call('POST', '/api/v1/nodes', { metadata: { name } }, node(name));
  return { world, server, clients: { n1: clientOf('n1'), n2: clientOf('n2') } };
}

test('nodes share the lock, and no other lease', async () => {
  const { world, clients } = await stand();
  const now = (): number => world.clock.now();
  const [a, b] = [new UpdateLock(clients.n1, 'n1', now), new UpdateLock(clients.n2, 'n2', now)];
  assert.equal(await a.look(), 'free');
  await a.take();
  assert.deepEqual([await a.look(), await b.look()], ['mine', 'held']);
  await a.release();
  assert.equal(await b.look(), 'free');
  await b.take();
  assert.equal(await b.look(), 'mine');
  const foreign = { namespace: 'kube-node-lease', name: 'n1' };
  await assert.rejects(clients.n2.get(leases, foreign), (error) => isStatus(error, 'Forbidden'));
  const elsewhere = { namespace: 'default', name: agentUpdateLease };
  await assert.rejects(clients.n2.get(leases, elsewhere), (error) => isStatus(error, 'Forbidden'));
});

test('a node cordons itself and no other, and evicts its own pods', async () => {
  const { server, clients } = await stand();
  const cordon = { spec: { unschedulable: true } };
  const cordoned = await clients.n1.patch<Node>(resources.nodes, { name: 'n1' }, cordon, { type: 'merge' });
  assert.equal(cordoned.spec?.unschedulable, true);
  const freed = { spec: { unschedulable: null } };
  const after = await clients.n1.patch<Node>(resources.nodes, { name: 'n1' }, freed, { type: 'merge' });
  assert.equal(after.spec?.unschedulable, undefined);
  await assert.rejects(clients.n1.patch(resources.nodes, { name: 'n2' }, cordon, { type: 'merge' }), (error) =>
    isStatus(error, 'Forbidden'),
  );
  const made: Pod[] = [];
  for (const nodeName of ['n1', 'n2']) {
    const spec = { nodeName, automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }] };
    const { body } = await server.call('POST', '/api/v1/namespaces/shop/pods', { metadata: { name: nodeName }, spec });
    made.push(body as unknown as Pod);
  }
  assert.deepEqual(await evict(clients.n1, [made[0]!]), []);
  const { body } = await server.call('GET', '/api/v1/namespaces/shop/pods/n1');
  assert.ok(body.metadata?.deletionTimestamp ?? body.reason === 'NotFound');
  await assert.rejects(evict(clients.n1, [made[1]!]), (error) => isStatus(error, 'Forbidden'));
  // a pod of the same name that is another
  const other = { ...made[1]!, metadata: { ...made[1]!.metadata, uid: 'another' } };
  assert.deepEqual(await evict(clients.n2, [other]), []);
  assert.equal(
    (await server.call('GET', '/api/v1/namespaces/shop/pods/n2')).body.metadata?.deletionTimestamp,
    undefined,
  );
});

test('a sync names the version that the host wants, and nothing where there is no host that wants one', async () => {
  const { world, server } = await stand();
  const { store, clock, ids, log, key } = world;
  const none = { leaseDurationSeconds: 40, podStatuses: [], podsGone: [] };
  const plain = await server.call('POST', '/api/v1/nodes/n1/sync', none, node('n1'));
  assert.equal('agentVersion' in plain.body, false);
  const options = { store, clock, ids, log, signingKeys: [key], issuers: [issuer] as const, agentVersion: () => '2' };
  const nodes = { fetch: () => Promise.reject(new Error('there are no nodes here')) };
  const version = { gitVersion: 'v1.36.0', major: '1', minor: '36', platform: 'test' };
  const api = createApiServer({ store, clock, ids, log, ...(await createAccess(options)), nodes, version });
  const request = new Request('https://api.test/api/v1/nodes/n1/sync', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(none),
  });
  const answer = (await (await api.fetch(request, node('n1').peer!)).json()) as { agentVersion?: string };
  assert.equal(answer.agentVersion, '2');
});
