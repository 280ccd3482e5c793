import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type End, end, node, slice } from './fixture/services.ts';
import { targetsOf } from './targets.ts';

const chosen = (ends: readonly End[], place = node): { cluster: string[]; local: string[] } => {
  const { cluster, local } = targetsOf({ port: 80 }, [slice('web', ends)], place);
  return { cluster: cluster.map(({ address }) => address), local: local.map(({ address }) => address) };
};

test('ready endpoints are used; conditions that nobody set count as ready', () => {
  const ends = [end('10.64.18.2'), end('10.64.17.2', { ready: true }), end('10.64.17.3', { ready: false })];
  assert.deepEqual(chosen(ends), { cluster: ['10.64.17.2', '10.64.18.2'], local: ['10.64.17.2'] });
});

test('terminating endpoints that still serve are used only when no ready one is left, here and everywhere', () => {
  const going = { ready: false, serving: true, terminating: true };
  const gone = { ready: false, serving: false, terminating: true };
  const starting = { ready: false, serving: false, terminating: false };
  assert.deepEqual(chosen([end('10.64.17.2', going), end('10.64.18.2')]), {
    cluster: ['10.64.18.2'],
    local: ['10.64.17.2'],
  });
  assert.deepEqual(chosen([end('10.64.17.2', going), end('10.64.17.3', gone), end('10.64.17.4', starting)]), {
    cluster: ['10.64.17.2'],
    local: ['10.64.17.2'],
  });
});

test('an endpoint that publishes what is not ready is ready, though it terminates', () => {
  assert.deepEqual(chosen([end('10.64.17.2', { ready: true, serving: false, terminating: true })]).cluster, [
    '10.64.17.2',
  ]);
});

test('ports are found by name and protocol; each slice says its number; a port without one leads nowhere', () => {
  const slices = [
    slice('web', [end('10.64.17.2')], [{ name: 'http', port: 1000 }]),
    slice('web', [end('10.64.17.3')], [{ name: 'http', port: 2000 }]),
    slice('web', [end('10.64.17.4')], [{ name: 'http' }]),
    slice('web', [end('10.64.17.5')], [{ name: 'http', port: 53, protocol: 'UDP' }]),
    { ...slice('web', [end('fd00::1')], [{ name: 'http', port: 1 }]), addressType: 'IPv6' },
    { ...slice('web', [end('example.com')], [{ name: 'http', port: 1 }]), addressType: 'FQDN' },
  ];
  const found = (name: string, protocol?: string) =>
    targetsOf({ port: 80, name, ...(protocol ? { protocol } : {}) }, slices, node).cluster.map(
      ({ address, port }) => `${address}:${port}`,
    );
  assert.deepEqual(found('http'), ['10.64.17.2:1000', '10.64.17.3:2000']);
  assert.deepEqual(found('http', 'UDP'), ['10.64.17.5:53']);
  assert.deepEqual(found('metrics'), []);
});

test('an endpoint that stands in two slices is one, and ready when one of them says so', () => {
  const slices = [slice('web', [end('10.64.17.2', { ready: false })]), slice('web', [end('10.64.17.2')])];
  for (const order of [slices, slices.toReversed()])
    assert.equal(targetsOf({ port: 80 }, order, node).cluster.length, 1);
});

test('hints keep traffic in the zone, or on the node, when every endpoint has them and one is meant for here', () => {
  const zoned = (address: string, zone: string): End => end(address, { hints: { forZones: [{ name: zone }] } });
  const a = zoned('10.64.18.2', 'zone-a');
  const b = zoned('10.64.18.3', 'zone-b');
  assert.deepEqual(chosen([a, b]).cluster, ['10.64.18.2']);
  assert.equal(chosen([a, b], { ...node, zone: undefined }).cluster.length, 2);
  assert.equal(chosen([a, b], { ...node, zone: 'zone-c' }).cluster.length, 2);
  assert.equal(chosen([a, b, end('10.64.18.4')]).cluster.length, 3, 'one has no hint');
  const nodes = ['here', 'there'].map((name, i) => end(`10.64.18.${i}`, { hints: { forNodes: [{ name }] } }));
  assert.deepEqual(chosen(nodes).cluster, ['10.64.18.0']);
});
