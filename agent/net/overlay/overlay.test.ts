import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addPeers, linkBatch, macOf, peerAddresses, removePeers, standingPeers } from './overlay.ts';

const plan = { address: '10.0.1.23', network: '100.64.0.0/10', nodeBlocks: ['10.0.0.0/16'], mtu: 8951 };
const shown = (local: string): string =>
  JSON.stringify([
    {},
    { ifname: 'slipway-pods', linkinfo: { info_kind: 'vxlan', info_data: { id: 1, local, port: 4789 } } },
  ]);

test('the link is made, left alone when it is right, and made anew when it is another', () => {
  const [make, ...rest] = linkBatch(plan, '');
  assert.equal(
    make,
    'link add slipway-pods address 02:00:0a:00:01:17 type vxlan id 1 local 10.0.1.23 dstport 4789 nolearning',
  );
  assert.deepEqual(rest, [
    'link set slipway-pods mtu 8951 up',
    'address replace 100.64.69.193/32 dev slipway-pods',
    'route replace unreachable 100.64.0.0/10',
  ]);
  assert.deepEqual(linkBatch(plan, '[{}]'), [make, ...rest]);
  assert.deepEqual(linkBatch(plan, shown('10.0.1.23')), rest);
  assert.deepEqual(linkBatch(plan, shown('10.0.1.99')), ['link del slipway-pods', make, ...rest]);
});

test('everything about a peer follows from its address', () => {
  const { ip, bridge } = addPeers(plan, ['10.0.2.7']);
  assert.deepEqual(bridge, ['fdb replace 02:00:0a:00:02:07 dev slipway-pods self dst 10.0.2.7']);
  assert.deepEqual(ip, [
    'neigh replace 100.64.129.193 lladdr 02:00:0a:00:02:07 dev slipway-pods nud permanent',
    'route replace 100.64.129.192/26 via 100.64.129.193 dev slipway-pods src 100.64.69.193 onlink',
  ]);
  const gone = removePeers(plan, ['10.0.2.7']);
  assert.deepEqual(gone.ip, [
    'route del 100.64.129.192/26 dev slipway-pods',
    'neigh del 100.64.129.193 dev slipway-pods',
  ]);
  assert.deepEqual(gone.bridge, ['fdb del 02:00:0a:00:02:07 dev slipway-pods self dst 10.0.2.7']);
  assert.equal(macOf('10.0.2.7'), '02:00:0a:00:02:07');
  assert.deepEqual(standingPeers('[{"mac":"02:00:0a:00:02:07","dst":"10.0.2.7"},{"mac":"33:33:00:00:00:01"}]'), [
    '10.0.2.7',
  ]);
  assert.deepEqual(standingPeers(''), []);
});

test('what is no address of a node of this network is nobody, whoever says it', () => {
  const peers = ['10.0.1.23', '10.0.2.7', '10.0.2.7', '203.0.2.7', 'fd00::1', 'host', '10.0.300.1', '10.0.0.9'].map(
    (address) => ({ address }),
  );
  assert.deepEqual(peerAddresses(plan, peers), ['10.0.0.9', '10.0.2.7']);
});
