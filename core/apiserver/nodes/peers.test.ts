import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeSyncResponse } from '../../api/node-sync.ts';
import type { KubeObject } from '../../api/objects.ts';
import { createServer, node, type TestServer } from '../fixture/server.ts';
import { createWorld } from '../fixture/world.ts';
import { peerOf, ringsPeers } from './peers.ts';

const nodeObject = (name: string, address?: string, ready = 'True'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  status: {
    ...(address ? { addresses: [{ type: 'InternalIP', address }] } : {}),
    conditions: [{ type: 'Ready', status: ready }],
  },
});

test('what a node says of its health rings nobody; that it came, went or moved does', () => {
  const change = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject, previous?: KubeObject): boolean =>
    ringsPeers('nodes', { type, object, ...(previous ? { previous } : {}) });
  const here = nodeObject('a', '10.0.0.5');
  assert.equal(change('ADDED', here), true);
  assert.equal(change('DELETED', here), true);
  assert.equal(change('MODIFIED', nodeObject('a', '10.0.0.5', 'False'), here), false);
  assert.equal(change('MODIFIED', nodeObject('a', '10.0.0.6'), here), true);
  assert.equal(change('MODIFIED', here, nodeObject('a')), true);
  assert.equal(change('MODIFIED', here), false);
  assert.equal(ringsPeers('pods', { type: 'ADDED', object: here }), false);
  assert.equal(peerOf(nodeObject('a')), undefined);
});

async function sync(server: TestServer, request: object): Promise<NodeSyncResponse> {
  const none = { leaseDurationSeconds: 40, podStatuses: [], podsGone: [] };
  const { code, body } = await server.call('POST', '/api/v1/nodes/n1/sync', { ...none, ...request }, node('n1'));
  assert.equal(code, 200, body.message);
  return body as unknown as NodeSyncResponse;
}

test('a node that asks for its peers is told of them, and later of those that changed', async () => {
  const server = await createServer(await createWorld());
  const join = (name: string, address?: string) =>
    server.call('POST', '/api/v1/nodes', nodeObject(name, address), node(name));
  await join('n1', '10.0.0.5');
  await join('n2', '10.0.0.6');
  await join('n3');
  const first = await sync(server, { peers: true });
  assert.equal(first.full, true);
  assert.deepEqual(
    first.network?.peers?.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    [
      { name: 'n1', address: '10.0.0.5' },
      { name: 'n2', address: '10.0.0.6' },
    ],
  );

  const quiet = await sync(server, { peers: true, since: first.since });
  assert.equal(quiet.full, false);
  assert.equal(quiet.network, undefined);

  await join('n4', '10.0.0.8');
  await server.call('DELETE', '/api/v1/nodes/n2');
  const later = await sync(server, { peers: true, since: quiet.since });
  assert.equal(later.full, false);
  assert.deepEqual(later.network?.peers, [{ name: 'n4', address: '10.0.0.8' }]);
  assert.deepEqual(later.network?.deletedPeers, ['n2']);
  assert.deepEqual(later.network?.services, []);
});

test('a node that does not ask is told nothing, and one that begins to ask is told everything', async () => {
  const server = await createServer(await createWorld());
  await server.call('POST', '/api/v1/nodes', nodeObject('n1', '10.0.0.5'), node('n1'));
  const without = await sync(server, {});
  assert.equal(without.network?.peers, undefined);
  const begins = await sync(server, { peers: true, since: without.since });
  assert.equal(begins.full, true);
  assert.deepEqual(begins.network?.peers, [{ name: 'n1', address: '10.0.0.5' }]);
  const stops = await sync(server, { since: begins.since });
  assert.equal(stops.full, true);
});
