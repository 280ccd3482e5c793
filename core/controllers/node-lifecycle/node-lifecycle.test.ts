// Nodes that fall silent, and what becomes of their pods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { nodeTaints } from '../../api/node-taints.ts';
import type { NodeCondition, Taint, Toleration } from '../../api/types.gen.ts';
import { at, makePod, nowMs } from '../fixture/objects.ts';
import { decideNodeHealth, type ObservedNodeHealth } from './controller.ts';
import type { StoredNode } from './health.ts';

const condition = (type: string, status: 'True' | 'False' | 'Unknown'): NodeCondition => ({
  type,
  status,
  reason: 'KubeletSays',
  message: '',
  lastHeartbeatTime: at(-50),
  lastTransitionTime: at(-500),
});

const makeNode = (
  ready: 'True' | 'False' | 'Unknown' | undefined,
  own: Taint[] = [],
  more: Partial<StoredNode> = {},
): StoredNode => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n', uid: 'uid-n', resourceVersion: '6', creationTimestamp: at(-1000) },
  spec: own.length > 0 ? { taints: own } : {},
  status: ready ? { conditions: [condition('Ready', ready), condition('MemoryPressure', 'False')] } : {},
  ...more,
});

const observe = (node: StoredNode, more: Partial<ObservedNodeHealth> = {}): ObservedNodeHealth => ({
  node,
  pods: [],
  silentMs: 5_000,
  watchedMs: 1_000_000,
  graceMs: 40_000,
  othersReady: true,
  turnMs: 0,
  ...more,
});

const noExecute = (key: string, since: number): Taint => ({ key, effect: 'NoExecute', timeAdded: at(since) });
const noSchedule = (key: string): Taint => ({ key, effect: 'NoSchedule' });
const tolerate = (key: string, tolerationSeconds?: number): Toleration => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
});

test('a healthy node is looked at again when its time is up', () => {
  assert.deepEqual(decideNodeHealth(observe(makeNode('True')), nowMs), [{ do: 'requeue', afterMs: 35_000 }]);
});

test('a node silent for 40 seconds is not known to be ready any more', () => {
  assertGolden('controllers/node-silent', decideNodeHealth(observe(makeNode('True'), { silentMs: 40_000 }), nowMs));
});

test('a node that never reported says so', () => {
  assertGolden(
    'controllers/node-never-reported',
    decideNodeHealth(observe(makeNode(undefined), { silentMs: 40_000 }), nowMs),
  );
});

const wantedTaints = (observed: ObservedNodeHealth): unknown =>
  decideNodeHealth(observed, nowMs).flatMap((action) =>
    action.do === 'update' ? [(action.object['spec'] as { taints: Taint[] }).taints] : [],
  )[0];

test('conditions become taints, and go with them; those of others stay', () => {
  const mine = { key: 'mine', effect: 'NoSchedule' } as const;
  assert.deepEqual(wantedTaints(observe(makeNode('Unknown', [mine]))), [
    mine,
    noSchedule(nodeTaints.unreachable),
    noExecute(nodeTaints.unreachable, 0),
  ]);
  assert.deepEqual(wantedTaints(observe(makeNode('False'))), [
    noSchedule(nodeTaints.notReady),
    noExecute(nodeTaints.notReady, 0),
  ]);
  const recovered = makeNode('True', [
    noSchedule(nodeTaints.unreachable),
    noExecute(nodeTaints.unreachable, -90),
    mine,
  ]);
  assert.deepEqual(wantedTaints(observe(recovered)), [mine]);
  const cordoned = makeNode('True', [], { spec: { unschedulable: true } });
  assert.deepEqual(wantedTaints(observe(cordoned)), [noSchedule(nodeTaints.unschedulable)]);
  const pressed = makeNode('True');
  pressed.status!.conditions!.push(condition('DiskPressure', 'True'));
  assert.deepEqual(wantedTaints(observe(pressed)), [noSchedule(nodeTaints.diskPressure)]);
});

test('when no node at all is ready nobody is driven off: it is rather us who are cut off', () => {
  assert.deepEqual(wantedTaints(observe(makeNode('Unknown'), { othersReady: false })), [
    noSchedule(nodeTaints.unreachable),
  ]);
});

test('a node whose turn has not come keeps its pods, and is looked at again when it comes', () => {
  const waiting = observe(makeNode('False', [noSchedule(nodeTaints.notReady)]), { turnMs: 7_000 });
  const report = { do: 'requeue', afterMs: 35_000 };
  assert.deepEqual(decideNodeHealth(waiting, nowMs), [{ do: 'requeue', afterMs: 7_000 }, report]);
  assert.deepEqual(decideNodeHealth({ ...waiting, turnMs: undefined }, nowMs), [report]);
});

test('a node that has not reported yet keeps the taint that admission gave it', () => {
  assert.equal(wantedTaints(observe(makeNode(undefined, [noSchedule(nodeTaints.notReady)]))), undefined);
});

const unreachable = (since: number): StoredNode =>
  makeNode('Unknown', [noSchedule(nodeTaints.unreachable), noExecute(nodeTaints.unreachable, since)]);
const evicted = (observed: ObservedNodeHealth): string[] =>
  decideNodeHealth(observed, nowMs).flatMap((action) => (action.do === 'delete' ? [action.key.name] : []));

test('pods of a lost node are marked, and go when their tolerations run out', () => {
  const pods = [
    makePod('default', { readyFor: 9, spec: { tolerations: [tolerate(nodeTaints.unreachable, 300)] } }),
    makePod('patient', { spec: { tolerations: [tolerate(nodeTaints.unreachable, 3_000)] } }),
    makePod('daemon', { spec: { tolerations: [tolerate(nodeTaints.unreachable)] } }),
    makePod('hasty'),
    makePod('done', { phase: 'Succeeded' }),
  ];
  assert.deepEqual(evicted(observe(unreachable(-299), { pods })), ['hasty']);
  assert.deepEqual(evicted(observe(unreachable(-301), { pods })), ['default', 'hasty']);
  assertGolden(
    'controllers/node-eviction',
    decideNodeHealth(observe(unreachable(-301), { pods: pods.slice(0, 2) }), nowMs),
  );
});

test('after an outage of the control plane a node gets its chance to report before its pods go', () => {
  const pods = [makePod('default', { spec: { tolerations: [tolerate(nodeTaints.unreachable, 300)] } })];
  const observed = observe(unreachable(-9_000), { pods, watchedMs: 1_000, silentMs: 1_000 });
  assert.deepEqual(evicted(observed), []);
  assert.deepEqual(evicted({ ...observed, watchedMs: 41_000 }), ['default']);
});

test('a taint of the user drives off at once who does not tolerate it', () => {
  const drain = makeNode('True', [noExecute('maintenance', -1)]);
  const pods = [makePod('a'), makePod('b', { spec: { tolerations: [{ operator: 'Exists' }] } })];
  assert.deepEqual(evicted(observe(drain, { pods })), ['a']);
});
