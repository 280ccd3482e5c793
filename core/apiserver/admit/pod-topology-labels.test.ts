import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createServer, namespace } from '../fixture/server.ts';
import { createWorld } from '../fixture/world.ts';

const zone = { 'topology.kubernetes.io/zone': 'a', 'topology.kubernetes.io/region': 'r' };
const pods = '/api/v1/namespaces/shop/pods';
const spec = { containers: [{ name: 'c', image: 'i' }] };

test('a pod learns the zone of its node when it is bound, or at once when it comes with a node', async () => {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n1', labels: { ...zone, other: 'x' } } });
  await server.call('POST', pods, { metadata: { name: 'bound', labels: { app: 'web' } }, spec });
  const binding = { metadata: { name: 'bound' }, target: { kind: 'Node', name: 'n1' } };
  assert.equal((await server.call('POST', `${pods}/bound/binding`, binding)).code, 201);
  const bound = await server.call('GET', `${pods}/bound`);
  assert.deepEqual(bound.body.metadata.labels, { app: 'web', ...zone });
  const fixed = await server.call('POST', pods, { metadata: { name: 'fixed' }, spec: { ...spec, nodeName: 'n1' } });
  assert.deepEqual(fixed.body.metadata.labels, zone);
  const unknown = await server.call('POST', pods, { metadata: { name: 'lost' }, spec: { ...spec, nodeName: 'n9' } });
  assert.equal(unknown.body.metadata.labels, undefined);
});
