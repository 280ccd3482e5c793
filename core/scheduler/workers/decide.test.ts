// From no worker to as many as are needed, and back, without ever going to and fro.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestamp } from '../../ports.ts';
import { makeNode, makePod } from '../fixture/objects.ts';
import type { StoredNode } from '../node-info.ts';
import type { StoredPod } from '../pod-info.ts';
import { decideWorkers, endingSince, idleSince, type ObservedWorkers } from './decide.ts';
import type { WorkerOffer } from './growth.ts';

const nowMs = Date.UTC(2026, 0, 1);
const offer: WorkerOffer = {
  labels: { 'kubernetes.io/arch': 'arm64' },
  taints: [],
  allocatable: { cpu: '2', memory: '4Gi', pods: '10' },
};
const unschedulable = [{ type: 'PodScheduled', status: 'False' as const, reason: 'Unschedulable' }];

const waiting = (name: string, cpu: string, spec: object = {}): StoredPod =>
  makePod(name, { requests: { cpu }, spec, status: { conditions: unschedulable } });

const running = (name: string, nodeName: string, spec: object = {}): StoredPod =>
  makePod(name, { requests: { cpu: '1' }, spec: { nodeName, ...spec } });

const worker = (name: string, annotations: Record<string, string> = {}, spec: object = {}): StoredNode => {
  const node = makeNode(name, { labels: offer.labels, allocatable: offer.allocatable, spec });
  const status = { ...node.status, conditions: [{ type: 'Ready', status: 'True' as const }] };
  return { ...node, metadata: { ...node.metadata, annotations }, status };
};

function observe(
  nodes: StoredNode[],
  pods: StoredPod[],
  group: Partial<ObservedWorkers['group']> = {},
): ObservedWorkers {
  const instances = nodes.map(({ metadata }) => ({ id: metadata.name, launchedMs: undefined }));
  return {
    nodes,
    pods,
    namespaces: [],
    claims: [],
    volumes: [],
    offer,
    idleMs: 600_000,
    group: { desired: nodes.length, minimum: 0, maximum: 5, instances, ...group },
  };
}

const plan = (...args: Parameters<typeof observe>) => decideWorkers(observe(...args), nowMs);
const ago = (ms: number): string => timestamp(nowMs - ms);

test('from none: as many as the pods that wait fill', () => {
  const pods = ['a', 'b', 'c', 'd', 'e'].map((name) => waiting(name, '1'));
  assert.equal(plan([], pods).desired, 3);
  assert.equal(plan([], pods, { maximum: 2 }).desired, 2);
  assert.equal(plan([], []).desired, undefined);
  assert.equal(plan([], []).nextMs, undefined);
});

test('pods that no worker could take start none', () => {
  const pods = [
    waiting('huge', '9'),
    waiting('other', '1', { nodeSelector: { 'kubernetes.io/arch': 'amd64' } }),
    makePod('untried', { requests: { cpu: '1' } }),
  ];
  assert.equal(plan([], pods).desired, undefined);
});

test('what a new worker is labelled and tainted with decides whether a pod starts one', () => {
  const marked: WorkerOffer = {
    ...offer,
    labels: { ...offer.labels, team: 'shop' },
    taints: [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' }],
  };
  const tolerations = [{ key: 'dedicated', operator: 'Exists' }];
  const desired = (spec: object, of = marked) =>
    decideWorkers({ ...observe([], [waiting('a', '1', spec)]), offer: of }, nowMs).desired;
  assert.equal(desired({ nodeSelector: { team: 'shop' }, tolerations }), 1);
  assert.equal(desired({ nodeSelector: { team: 'shop' } }), undefined);
  assert.equal(desired({ nodeSelector: { team: 'other' }, tolerations }), undefined);
  assert.equal(desired({ nodeSelector: { team: 'shop' }, tolerations }, offer), undefined);
  assert.equal(desired({}, { ...marked, taints: [{ key: 'spot', effect: 'PreferNoSchedule' }] }), 1);
});

test('workers that are on their way count: a second look starts no more', () => {
  const pods = ['a', 'b', 'c'].map((name) => waiting(name, '1'));
  assert.equal(plan([], pods, { desired: 2 }).desired, undefined);
  const launched = [{ id: 'i-9', launchedMs: nowMs - 60_000 }];
  assert.equal(plan([], pods, { desired: 2, instances: launched }).desired, undefined);
  assert.equal(plan([], [...pods, waiting('d', '2')], { desired: 2, instances: launched }).desired, 3);
});

test('a worker that never registers is ended, and another started in its place', () => {
  const instances = [{ id: 'i-9', launchedMs: nowMs - 1_000_000 }];
  const { end, desired } = plan([], [waiting('a', '1')], { desired: 1, instances });
  assert.deepEqual([end, desired], [['i-9'], 2]);
});

test('a worker without pods of its own is marked, cordoned after a while, and ended when nothing came', () => {
  const daemon = running('d', 'w');
  daemon.metadata.ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'd', controller: true },
  ];
  const look = (annotations: Record<string, string>, spec: object = {}) =>
    plan([worker('w', annotations, spec)], [daemon]);
  assert.deepEqual(look({}).patches[0]?.annotations, { [idleSince]: ago(0) });
  assert.deepEqual(look({ [idleSince]: ago(599_000) }).patches, []);
  assert.equal(look({ [idleSince]: ago(599_000) }).nextMs, 1_000);
  const cordon = look({ [idleSince]: ago(600_000) });
  assert.deepEqual([cordon.patches[0]?.unschedulable, cordon.end], [true, []]);
  const marks = { [idleSince]: ago(700_000), [endingSince]: ago(59_000) };
  assert.deepEqual(look(marks, { unschedulable: true }).end, []);
  assert.deepEqual(look({ ...marks, [endingSince]: ago(60_000) }, { unschedulable: true }).end, ['w']);
});

test('a pod that arrived meanwhile keeps its worker, and so does one that waits and would fit', () => {
  const leaving = worker('w', { [idleSince]: ago(700_000), [endingSince]: ago(90_000) }, { unschedulable: true });
  for (const pod of [running('late', 'w'), waiting('new', '1')]) {
    const { patches, end, desired } = plan([leaving], [pod]);
    assert.deepEqual([end, desired], [[], undefined]);
    assert.deepEqual(patches[0]?.annotations, { [idleSince]: null, [endingSince]: null });
    assert.equal(patches[0]?.unschedulable, false);
  }
});

test('never below the minimum, and who is idle for longest goes first', () => {
  const nodes = [900_000, 800_000, 700_000].map((ms, i) => worker(`w${i}`, { [idleSince]: ago(ms) }));
  const cordoned = (minimum: number): string[] =>
    plan(nodes, [], { minimum }).patches.map(({ node }) => node.metadata.name);
  assert.deepEqual(cordoned(3), []);
  assert.deepEqual(cordoned(2), ['w0']);
  assert.deepEqual(cordoned(0), ['w0', 'w1', 'w2']);
  assert.equal(plan([], [], { minimum: 2 }).desired, 2);
});

test("a worker that the user cordoned is the user's", () => {
  assert.deepEqual(plan([worker('w', { [idleSince]: ago(900_000) }, { unschedulable: true })], []).patches, []);
});
