import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressPlan } from './addresses.ts';
import { redirection } from './resolver.ts';
import { egressTable, fabricBatch, machineBatch, type Network, nodeBatch } from './topology.ts';

const network: Network = {
  plan: addressPlan(2),
  fabric: 'slipway.fabric',
  nodes: [
    { number: 1, namespace: 'slipway.one' },
    { number: 2, namespace: 'slipway.two' },
  ],
  egress: false,
};

test('the machine gets one link, routes to the pods, and nothing that leaks', () => {
  assert.deepEqual(machineBatch(network), [
    'netns add slipway.fabric',
    'netns add slipway.one',
    'netns add slipway.two',
    'link add eth0 netns slipway.one type veth peer name node1 netns slipway.fabric',
    'link add eth0 netns slipway.two type veth peer name node2 netns slipway.fabric',
    'link add slipway2 address 02:00:0a:42:00:01 type veth peer name uplink netns slipway.fabric',
    'addr add 10.66.0.1/24 dev slipway2',
    'link set slipway2 up',
    'route replace unreachable 10.66.0.0/16',
    'route replace unreachable 10.130.0.0/16',
    'route add 10.66.17.0/24 via 10.66.0.11',
    'route add 10.66.18.0/24 via 10.66.0.12',
  ]);
});

test('every node is a port of the bridge', () => {
  assert.deepEqual(fabricBatch(network).slice(-2), ['link set node1 master br0 up', 'link set node2 master br0 up']);
});

test('a node routes to the pods of the others, not to its own, and out only when it may', () => {
  const lines = nodeBatch(network, network.nodes[0]!);
  assert.ok(lines.includes('route add 10.66.18.0/24 via 10.66.0.12'));
  assert.equal(
    lines.some((line) => line.includes('10.66.17.0/24')),
    false,
  );
  assert.ok(lines.includes('route replace unreachable default'));
  assert.ok(
    lines.includes('route add 10.130.0.0/16 dev eth0 src 10.66.0.11'),
    'services have a route on the node itself',
  );
  assert.ok(nodeBatch({ ...network, egress: true }, network.nodes[0]!).includes('route replace default via 10.66.0.1'));
});

test('only what leaves the cluster is masqueraded', () => {
  assert.match(
    egressTable('slipway', network.plan),
    /ip saddr 10\.66\.0\.0\/16 ip daddr != \{ 10\.66\.0\.0\/16, 10\.130\.0\.0\/16 \} masquerade/,
  );
});

test('only a resolver on loopback is redirected, and only when the servers behind it are known', () => {
  const stub = 'nameserver 127.0.0.53\noptions edns0\n';
  assert.deepEqual(redirection(stub, '# comment\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n'), {
    from: '127.0.0.53',
    to: '192.0.2.53',
  });
  assert.equal(redirection('nameserver 192.0.2.1\n', 'nameserver 192.0.2.53\n'), undefined);
  assert.equal(redirection(stub, ''), undefined);
});
