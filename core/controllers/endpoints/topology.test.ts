import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, Node } from '../../api/types.gen.ts';
import { zoneShares, zonesFor } from './topology.ts';

const node = (zone: string | undefined, cpu: string, more: Partial<Record<string, string>> = {}): Node => ({
  metadata: {
    labels: { ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}), ...(more as Record<string, string>) },
  },
  status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: 'True' }] },
});
const asleep = (of: Node): Node => ({ ...of, status: { ...of.status, conditions: [] } });

/** `a:3` is three endpoints that stand in zone a. */
const endpointsOf = (...zones: string[]): Endpoint[] =>
  zones.flatMap((text) => {
    const [zone = '', count] = text.split(':');
    return Array.from({ length: Number(count) }, (_, i) => ({ addresses: [`${zone}${i}`], zone }));
  });
const none = (): undefined => undefined;
/** `from>to` for each that is meant for another zone than its own, and how many each zone has. */
function spread(zones: Map<Endpoint, string> | string): unknown {
  if (typeof zones === 'string') return zones;
  const counts: Record<string, number> = {};
  const moved: string[] = [];
  for (const [{ zone }, to] of zones) {
    counts[to] = (counts[to] ?? 0) + 1;
    if (to !== zone) moved.push(`${zone}>${to}`);
  }
  return { counts, moved };
}

test('zones have the shares of the CPU of their ready nodes, control planes left out', () => {
  const nodes = [node('a', '2'), node('a', '500m'), node('b', '2500m'), asleep(node('c', '8'))];
  const control = node(undefined, '4', { 'node-role.kubernetes.io/control-plane': '' });
  assert.deepEqual(
    zoneShares([...nodes, control]),
    new Map([
      ['a', 0.5],
      ['b', 0.5],
    ]),
  );
  assert.equal(zoneShares([...nodes, node(undefined, '1')]), undefined, 'a node without a zone');
  assert.equal(zoneShares([...nodes, node('b', '0')]), undefined, 'a node without CPU');
  assert.equal(zoneShares([node('a', '1')]), undefined, 'one zone');
});

test('endpoints are for their own zone, and as many for another as make its share', () => {
  const even = new Map([
    ['a', 0.5],
    ['b', 0.5],
  ]);
  assert.deepEqual(spread(zonesFor(endpointsOf('a:2', 'b:2'), even, none)), { counts: { a: 2, b: 2 }, moved: [] });
  assert.deepEqual(spread(zonesFor(endpointsOf('a:4'), even, none)), { counts: { a: 2, b: 2 }, moved: ['a>b', 'a>b'] });
  const thirds = new Map([
    ['a', 1 / 3],
    ['b', 1 / 3],
    ['c', 1 / 3],
  ]);
  assert.deepEqual(spread(zonesFor(endpointsOf('a:3', 'b:1', 'c:2'), thirds, none)), {
    counts: { a: 2, b: 2, c: 2 },
    moved: ['a>b'],
  });
});

test('what was decided stays while it is fair', () => {
  const even = new Map([
    ['a', 0.5],
    ['b', 0.5],
  ]);
  const endpoints = endpointsOf('a:10');
  const first = zonesFor(endpoints, even, none) as Map<Endpoint, string>;
  const more = [...endpoints, { addresses: ['a10'], zone: 'a' }];
  const second = zonesFor(more, even, (endpoint) => first.get(endpoint)) as Map<Endpoint, string>;
  for (const endpoint of endpoints) assert.equal(second.get(endpoint), first.get(endpoint));
  assert.deepEqual(spread(second), { counts: { a: 6, b: 5 }, moved: Array.from({ length: 5 }, () => 'a>b') });
  const gone = zonesFor(endpoints, even, () => 'no-such-zone');
  assert.deepEqual((spread(gone) as { counts: unknown }).counts, { a: 5, b: 5 });
});

test('without enough to know or to share out there are no hints, and it is said why', () => {
  const even = new Map([
    ['a', 0.5],
    ['b', 0.5],
  ]);
  const why = (endpoints: Endpoint[], shares: Map<string, number> | undefined): string =>
    String(zonesFor(endpoints, shares, none));
  assert.match(why(endpointsOf('a:2'), undefined), /^Insufficient Node information: allocatable CPU or zone/);
  assert.equal(why(endpointsOf('a:1'), even), 'Insufficient number of endpoints (1 endpoints, 2 zones)');
  assert.match(why([...endpointsOf('a:3'), { addresses: ['x'] }], even), /do not have a zone specified$/);
  const uneven = new Map([
    ['a', 0.7],
    ['b', 0.3],
  ]);
  assert.equal(
    why(
      endpointsOf('a:2', 'b:1'),
      new Map([
        ['a', 0.42],
        ['b', 0.42],
        ['c', 0.16],
      ]),
    ),
    'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 3 zones)',
  );
  assert.deepEqual(spread(zonesFor(endpointsOf('a:2', 'b:1'), uneven, none)), { counts: { a: 2, b: 1 }, moved: [] });
});
