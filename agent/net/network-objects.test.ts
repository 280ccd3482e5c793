import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkChanges } from '../../core/api/node-sync.ts';
import { NetworkCache } from './network-objects.ts';

const service = (name: string, version = 1) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'shop', name, uid: name, resourceVersion: String(version) },
});
const slice = (name: string, of: string | undefined, version = 1) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  addressType: 'IPv4',
  metadata: {
    namespace: 'shop',
    name,
    uid: name,
    resourceVersion: String(version),
    ...(of ? { labels: { 'kubernetes.io/service-name': of } } : {}),
  },
});
const changes = (some: Partial<NetworkChanges>): NetworkChanges => ({
  services: [],
  endpointSlices: [],
  deletedServices: [],
  deletedEndpointSlices: [],
  ...some,
});

/** A cache and what its listener was told. */
function listened() {
  const cache = new NetworkCache();
  const told: string[][] = [];
  const stop = cache.onChange((keys) => told.push([...keys].sort()));
  const names = (): string[] => [...cache.services()].map(({ metadata }) => metadata?.name ?? '').sort();
  const slices = (of: string) => cache.slicesOf('shop', of).map(({ metadata }) => metadata?.name);
  return { cache, told, stop, names, slices };
}

test('who listens is told the services whose object or slices changed, and nothing when nothing did', () => {
  const { cache, told, slices, stop } = listened();
  const all = {
    services: [service('a'), service('b')],
    endpointSlices: [slice('a-1', 'a'), slice('stray', undefined)],
  };
  cache.apply(changes(all), true);
  cache.apply(changes(all), true);
  cache.apply(changes({ endpointSlices: [slice('b-1', 'b'), slice('a-1', 'a')] }), false);
  cache.apply(changes({ services: [service('a', 2)] }), false);
  assert.deepEqual(told, [['shop/a', 'shop/b'], ['shop/b'], ['shop/a']]);
  assert.deepEqual([slices('a'), slices('b'), slices('none')], [['a-1'], ['b-1'], []]);
  assert.equal(cache.service('shop', 'a')?.metadata?.resourceVersion, '2');
  stop();
  cache.apply(changes({ services: [service('c')] }), false);
  assert.equal(told.length, 3);
});

test('a slice that goes to another service changes both, one that goes changes its own', () => {
  const { cache, told, slices } = listened();
  cache.apply(changes({ endpointSlices: [slice('x', 'a'), slice('y', 'a')] }), false);
  cache.apply(changes({ endpointSlices: [slice('x', 'b', 2)] }), false);
  cache.apply(changes({ deletedEndpointSlices: [{ namespace: 'shop', name: 'y' }] }), false);
  cache.apply(changes({ deletedEndpointSlices: [{ namespace: 'shop', name: 'y' }] }), false);
  assert.deepEqual(told, [['shop/a'], ['shop/a', 'shop/b'], ['shop/a']]);
  assert.deepEqual([slices('a'), slices('b')], [[], ['x']]);
});

test('what a full answer does not list is gone; what is deleted and comes again is there', () => {
  const { cache, told, names, slices } = listened();
  cache.apply(changes({ services: [service('a'), service('b')], endpointSlices: [slice('a-1', 'a')] }), true);
  cache.apply(changes({ services: [service('b')] }), true);
  assert.deepEqual(names(), ['b']);
  assert.deepEqual(slices('a'), []);
  cache.apply(changes({ deletedServices: [{ namespace: 'shop', name: 'b' }] }), false);
  assert.deepEqual(names(), []);
  cache.apply(changes({ services: [service('b')] }), false);
  assert.deepEqual(names(), ['b']);
  assert.deepEqual(told.slice(1), [['shop/a'], ['shop/b'], ['shop/b']]);
});
