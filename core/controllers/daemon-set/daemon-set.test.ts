// One pod on each node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import type { DaemonSetSpec, Taint } from '../../api/types.gen.ts';
import { makePod, nowMs, type PodLike } from '../fixture/objects.ts';
import { currentRevision, type StoredRevision } from '../revision-history.ts';
import { decideDaemonSet } from './decide.ts';
import { hashLabel, type StoredDaemonSet, type StoredNode, targetNodeOf } from './nodes.ts';
import type { ObservedDaemonSet } from './round.ts';

const labels = { app: 'agent' };

const makeSet = (spec: Partial<DaemonSetSpec> = {}): StoredDaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', namespace: 'default', uid: 'uid-agent', resourceVersion: '4', generation: 1 },
  spec: {
    selector: { matchLabels: labels },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    ...spec,
  },
});

const makeNode = (name: string, more: { labels?: Record<string, string>; taints?: Taint[] } = {}): StoredNode => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: `uid-${name}`, ...(more.labels ? { labels: more.labels } : {}) },
  ...(more.taints ? { spec: { taints: more.taints } } : {}),
});

/** The revision of a set's template as the API would hold it. */
function revisionOf(set: StoredDaemonSet): StoredRevision {
  const { newest } = currentRevision(set, [], (hash) => ({ ...labels, [hashLabel]: hash }));
  return { ...newest, metadata: { ...newest.metadata, uid: 'uid-revision' } };
}

const nodes = [makeNode('a'), makeNode('b'), makeNode('c')];
const hashNow = revisionOf(makeSet()).metadata.labels?.[hashLabel] ?? '';
const owner = { kind: 'DaemonSet', name: 'agent', uid: 'uid-agent' };
const pod = (name: string, node: string, like: PodLike & { hash?: string } = {}) =>
  makePod(name, { owner, node, readyFor: 9, labels: { ...labels, [hashLabel]: like.hash ?? hashNow }, ...like });

const observe = (more: Partial<ObservedDaemonSet> = {}): ObservedDaemonSet => {
  const set = more.set ?? makeSet();
  return { set, nodes, pods: [], revisions: [revisionOf(set)], failures: {}, ...more };
};

const acts = (observed: ObservedDaemonSet): string[] =>
  decideDaemonSet(observed, nowMs)
    .flatMap((action) => {
      if (action.do === 'create') return [`+${targetNodeOf(action.object as never)}`];
      return action.do === 'delete' ? [`-${action.key.name}`] : [];
    })
    .sort();

test('each node gets a pod that only fits there and bears more than others', () => {
  assertGolden(
    'controllers/daemon-set-first',
    decideDaemonSet(observe({ nodes: nodes.slice(0, 1), revisions: [] }), nowMs),
  );
  assert.deepEqual(acts(observe({ pods: [pod('p', 'b')] })), ['+a', '+c']);
});

test('only nodes that its selector names and whose taints it tolerates', () => {
  const template = { metadata: { labels }, spec: { containers: [], nodeSelector: { disk: 'ssd' } } };
  const mixed = [makeNode('fast', { labels: { disk: 'ssd' } }), makeNode('slow')];
  const stray = pod('stray', 'slow');
  const set = makeSet({ template });
  assert.deepEqual(acts(observe({ set, nodes: mixed, pods: [stray] })), ['+fast', '-stray']);
  const taint = (effect: Taint['effect']): Taint => ({ key: 'mine', effect });
  const noNew = [makeNode('t', { taints: [taint('NoSchedule')] })];
  assert.deepEqual(acts(observe({ nodes: noNew })), []);
  assert.deepEqual(acts(observe({ nodes: noNew, pods: [pod('p', 't')] })), []);
  const noStay = [makeNode('t', { taints: [taint('NoExecute')] })];
  assert.deepEqual(acts(observe({ nodes: noStay, pods: [pod('p', 't')] })), ['-p']);
  const cordoned = [makeNode('t', { taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] })];
  assert.deepEqual(acts(observe({ nodes: cordoned })), ['+t']);
});

test('of two pods on a node the younger goes', () => {
  const pods = [pod('old', 'a', { age: 100 }), pod('young', 'a', { age: 10 }), pod('b', 'b'), pod('c', 'c')];
  assert.deepEqual(acts(observe({ pods })), ['-young']);
});

test('a failed daemon is replaced, and not too often', () => {
  const pods = [pod('a', 'a', { phase: 'Failed' }), pod('b', 'b'), pod('c', 'c')];
  assert.deepEqual(acts(observe({ pods })), ['-a']);
  const failures = { a: { atMs: nowMs - 3_000, count: 3 } };
  const actions = decideDaemonSet(observe({ pods, failures }), nowMs);
  assert.deepEqual(actions.at(-1), { do: 'requeue', afterMs: 1_000 });
  assert.ok(actions.every((action) => action.do !== 'delete'));
});

test('an update replaces as many at once as may be unavailable', () => {
  const old = ['a', 'b', 'c'].map((node) => pod(`old-${node}`, node, { hash: 'old' }));
  assert.equal(acts(observe({ pods: old })).length, 1);
  const two = makeSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } } });
  assert.equal(acts(observe({ set: two, pods: old })).length, 2);
  const unready = [pod('x', 'a', { hash: 'old', readyFor: undefined }), ...old.slice(1)];
  assert.deepEqual(acts(observe({ pods: unready })), ['-x']);
  const starting = [pod('new-a', 'a', { readyFor: undefined }), ...old.slice(1)];
  assert.deepEqual(acts(observe({ pods: starting })), []);
  const onDelete = makeSet({ updateStrategy: { type: 'OnDelete' } });
  assert.deepEqual(acts(observe({ set: onDelete, pods: old })), []);
});

test('with surge the new pod comes first, and the old one goes when it is available', () => {
  const set = makeSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  const old = ['a', 'b', 'c'].map((node) => pod(`old-${node}`, node, { hash: 'old' }));
  assert.deepEqual(acts(observe({ set, pods: old })), ['+a']);
  const starting = [...old, pod('new-a', 'a', { readyFor: undefined })];
  assert.deepEqual(acts(observe({ set, pods: starting })), []);
  assert.deepEqual(acts(observe({ set, pods: [...old, pod('new-a', 'a')] })), ['-old-a']);
});

test('status counts nodes', () => {
  const pods = [pod('a', 'a'), pod('b', 'b', { readyFor: undefined, hash: 'old' })];
  const actions = decideDaemonSet(observe({ pods }), nowMs);
  const status = actions.flatMap((action) => (action.do === 'update' ? [action.object['status']] : []))[0];
  assert.deepEqual(status, {
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    numberMisscheduled: 0,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 2,
    observedGeneration: 1,
  });
});
