// How fast nodes are given up: one by one, slower or not at all while much of a zone is in trouble.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeTaints } from '../../api/node-taints.ts';
import { at, nowMs } from '../fixture/objects.ts';
import type { StoredNode } from './health.ts';
import { pauseMs, Zones } from './zones.ts';

interface Told {
  zone?: string;
  /** Seconds from now; negative: before. */
  unreadySince?: number;
  givenUp?: number;
  labels?: Record<string, string>;
}

function node(name: string, { zone = 'a', unreadySince, givenUp, labels }: Told = {}): StoredNode {
  const ready = unreadySince === undefined;
  const taint = { key: nodeTaints.unreachable, effect: 'NoExecute', timeAdded: at(givenUp ?? 0) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels: { 'topology.kubernetes.io/zone': zone, ...labels } },
    spec: givenUp === undefined ? {} : { taints: [taint] },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown', lastTransitionTime: at(unreadySince ?? -900) }],
    },
  };
}

function zonesOf(...nodes: StoredNode[]): Zones {
  const zones = new Zones();
  for (const one of nodes) zones.note(one);
  return zones;
}
const ready = (count: number, zone = 'a'): StoredNode[] =>
  Array.from({ length: count }, (_, i) => node(`ready-${zone}-${i}`, { zone }));
const lost = (count: number): StoredNode[] =>
  Array.from({ length: count }, (_, i) => node(`lost-${String(i).padStart(3, '0')}`, { unreadySince: -i }));

test('the first node of a zone is given up at once, the next 10 seconds after it, the longest unready first', () => {
  const zones = zonesOf(...ready(9), node('x', { unreadySince: -50 }), node('y', { unreadySince: -60 }));
  assert.equal(zones.turnMs('y', nowMs), 0);
  assert.equal(zones.turnMs('x', nowMs), 10_000);
  zones.note(node('y', { unreadySince: -60, givenUp: -4 }));
  assert.equal(zones.turnMs('y', nowMs), 0, 'it stays given up');
  assert.equal(zones.turnMs('x', nowMs), 6_000);
  zones.note(node('y'));
  assert.equal(zones.turnMs('x', nowMs), 0);
  assert.equal(zones.turnMs('y', nowMs), undefined);
});

test('zones do not wait for each other', () => {
  const zones = zonesOf(
    ...ready(3),
    ...ready(3, 'b'),
    node('x', { unreadySince: -50, givenUp: -1 }),
    node('y', { zone: 'b', unreadySince: -40 }),
  );
  assert.equal(zones.turnMs('y', nowMs), 0);
});

test('a zone of which more than half is unready gives up none, or slowly when it is large', () => {
  assert.equal(pauseMs(3, 2), 10_000);
  assert.equal(pauseMs(1, 2), 10_000, 'two nodes are few');
  assert.equal(pauseMs(2, 3), undefined);
  assert.equal(pauseMs(23, 28), 10_000, 'less than 55 of 100');
  assert.equal(pauseMs(22, 28), undefined, 'a zone of 50 is not large');
  assert.equal(pauseMs(22, 29), 100_000);
  const small = zonesOf(...ready(2), ...lost(3));
  assert.equal(small.turnMs('lost-000', nowMs), undefined);
  const large = zonesOf(...ready(20), ...lost(40));
  assert.equal(large.turnMs('lost-039', nowMs), 0);
  assert.equal(large.turnMs('lost-037', nowMs), 200_000);
});

test('a zone without any node that is ready is emptied at the usual rate, into the others', () => {
  assert.equal(pauseMs(0, 4), 10_000);
});

test('nodes that are excluded from the count do not disturb their zone, but are given up like others', () => {
  const labels = { 'node.kubernetes.io/exclude-disruption': '' };
  const spot = (name: string) => node(name, { unreadySince: -50, labels });
  const zones = zonesOf(...ready(2), spot('p'), spot('q'), spot('r'));
  assert.equal(zones.turnMs('p', nowMs), 0);
});

test('a node that is gone, or never reported, keeps nobody waiting', () => {
  const silent: StoredNode = { ...node('b'), status: {} };
  const zones = zonesOf(...ready(4), node('a', { unreadySince: -50 }), silent, node('c', { unreadySince: -40 }));
  assert.equal(zones.turnMs('c', nowMs), 10_000);
  zones.forget('a');
  assert.equal(zones.turnMs('c', nowMs), 0);
});
