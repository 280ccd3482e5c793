// Which pods make room for a critical one. Cases follow kubelet's own rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
// for the classes, the comment of CriticalPodAdmissionHandler for what counts as little.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '../api/types.gen.ts';
import { admitCritical, isCriticalPod, type Resident } from './preemption.ts';
import { sync } from './sync.ts';
import { podOf, World } from './world.ts';

type Amounts = Record<string, string>;

const abilities = { userNamespaces: false, supplementalGroupsPolicy: false, allowedUnsafeSysctls: [] };
const node = (allocatable: Amounts): Node => ({ status: { allocatable: { pods: '10', ...allocatable } } });
const podWith = (
  resources: { requests?: Amounts; limits?: Amounts },
  more: Partial<NonNullable<Pod['spec']>> = {},
): Pod => ({
  spec: { containers: [{ name: 'c', resources }], ...more },
});
const pod = (requests: Amounts): Pod => podWith({ requests });
const guaranteed = (amounts: Amounts): Pod => podWith({ requests: amounts, limits: amounts });
const resident = (uid: string, of: Pod, more: Partial<Resident> = {}): Resident => ({
  uid,
  pod: of,
  critical: false,
  ending: false,
  ...more,
});
const preempted = (wanted: Pod, allocatable: Amounts, others: Resident[]): string[] | string => {
  const { rejection, preempt } = admitCritical(wanted, node(allocatable), others, abilities);
  return rejection ? rejection.reason : preempt;
};

test('static pods are critical, and pods of the priorities that Kubernetes keeps for itself', () => {
  assert.equal(isCriticalPod(pod({}), true), true);
  assert.equal(isCriticalPod(pod({}), false), false);
  assert.equal(isCriticalPod(podWith({}, { priority: 2_000_000_000 }), false), true);
  assert.equal(isCriticalPod(podWith({}, { priority: 1_999_999_999 }), false), false);
});

test('nobody is disturbed where there is room, and the pod waits for nobody', () => {
  const others = [resident('a', pod({ cpu: '500m' })), resident('b', pod({ cpu: '200m' }), { ending: true })];
  assert.deepEqual(admitCritical(pod({ cpu: '300m' }), node({ cpu: '1' }), others, abilities), {
    preempt: [],
    waitsFor: [],
  });
});

test('a pod of a lower class goes before one of a higher, even where it takes more of them', () => {
  const amounts = { cpu: '500m', memory: '500Mi' };
  const full = { cpu: '1', memory: '1000Mi' };
  const burstable = ['b1', 'b2'].map((uid) => resident(uid, pod({ cpu: '250m', memory: '250Mi' })));
  const others = [resident('g', guaranteed(amounts)), ...burstable];
  assert.deepEqual(preempted(pod(amounts), full, others), ['b2', 'b1']);
  // Where burstable pods do not suffice a guaranteed one goes, and then as few of them as are needed beside it.
  assert.deepEqual(preempted(pod({ cpu: '600m', memory: '600Mi' }), full, others), ['b2', 'g']);
});

test('best-effort pods go only where the number of pods is what lacks, and then before all others', () => {
  const others = [resident('burstable', pod({ cpu: '900m' })), resident('idle', pod({})), resident('last', pod({}))];
  assert.deepEqual(preempted(pod({ cpu: '200m' }), { cpu: '1' }, others), ['burstable']);
  assert.deepEqual(preempted(pod({ cpu: '50m' }), { cpu: '1', pods: '3' }, others), ['last']);
  // What makes room for the CPU makes room for the pod too.
  assert.deepEqual(preempted(pod({ cpu: '200m' }), { cpu: '1', pods: '3' }, others), ['burstable']);
});

test('one pod that frees enough goes rather than several, and of those the one that asks for least', () => {
  const cpu = (uid: string, amount: string, memory = '1Mi'): Resident => resident(uid, pod({ cpu: amount, memory }));
  const full = { cpu: '1', memory: '1Gi' };
  const others = [cpu('a', '100m'), cpu('b', '400m', '20Mi'), cpu('c', '400m', '10Mi'), cpu('d', '100m')];
  assert.deepEqual(preempted(pod({ cpu: '300m' }), full, others), ['c']);
  assert.deepEqual(preempted(pod({ cpu: '100m' }), full, others), ['d']);
  assert.deepEqual(preempted(pod({ cpu: '500m' }), full, others), ['c', 'd']);
});

test('of several resources that lack each counts alike, however large its numbers are', () => {
  const full = { cpu: '1', memory: '1000Mi', 'example.com/gpu': '2' };
  const others = [
    resident('cpu', pod({ cpu: '900m', memory: '100Mi' })),
    resident('gpu', pod({ memory: '800Mi', 'example.com/gpu': '2' })),
    resident('both', pod({ cpu: '100m', memory: '100Mi' })),
  ];
  assert.deepEqual(preempted(pod({ 'example.com/gpu': '1' }), full, others), ['gpu']);
  // All of the CPU that lacks and a fifth of the memory is nearer than all of the memory alone.
  assert.deepEqual(preempted(pod({ cpu: '500m', memory: '500Mi' }), full, others), ['cpu', 'gpu']);
});

test('critical pods stay, but for one of a higher priority', () => {
  const at = (priority: number): Pod => podWith({ requests: { cpu: '1' } }, { priority });
  const others = [resident('system', at(2_000_000_000), { critical: true })];
  assert.deepEqual(preempted(at(2_000_001_000), { cpu: '1' }, others), ['system']);
  assert.equal(preempted(at(2_000_000_000), { cpu: '1' }, others), 'UnexpectedAdmissionError');
  assert.equal(preempted(pod({ cpu: '1' }), { cpu: '1' }, others), 'UnexpectedAdmissionError');
});

test('nobody is disturbed where that would not suffice, or where anything else keeps the pod out', () => {
  const others = [
    resident('a', podWith({ requests: { cpu: '600m' } })),
    resident('kept', pod({ cpu: '400m' }), { critical: true }),
  ];
  const { rejection, preempt } = admitCritical(pod({ cpu: '700m' }), node({ cpu: '1' }), others, abilities);
  assert.deepEqual(preempt, []);
  assert.match(
    rejection?.message ?? '',
    /no set of running pods found to reclaim resources: \[\(res: cpu, q: 100\), \]$/,
  );
  const elsewhere = podWith({ requests: { cpu: '600m' } }, { nodeSelector: { disk: 'ssd' } });
  assert.equal(preempted(elsewhere, { cpu: '1' }, others), 'NodeAffinity');
});

test('pods that end already count as gone, and are waited for where they hold what lacks', () => {
  const others = [
    resident('a', pod({ cpu: '300m' })),
    resident('b', pod({ cpu: '300m' }), { ending: true }),
    resident('c', pod({ cpu: '300m' })),
    resident('d', pod({ memory: '1Mi' }), { ending: true }),
  ];
  const entry = (cpu: string) => admitCritical(pod({ cpu }), node({ cpu: '1', memory: '1Gi' }), others, abilities);
  assert.deepEqual(entry('400m'), { preempt: [], waitsFor: ['b'] });
  assert.deepEqual(entry('500m'), { preempt: ['c'], waitsFor: ['b', 'c'] });
});

test('while others make room a pod does nothing, and it can be deleted', () => {
  const world = new World(podOf({}));
  const step = (waiting: boolean) =>
    sync({
      pod: world.pod,
      observed: world.observed,
      memory: world.memory,
      probes: world.probes,
      removed: false,
      waiting,
      now: world.now,
      node: { hostIPs: ['10.0.0.1'] },
    });
  assert.deepEqual([step(true).actions, step(true).status.phase], [[], 'Pending']);
  assert.deepEqual(step(false).actions, [{ do: 'create-sandbox', attempt: 0 }]);
  world.delete(30);
  assert.deepEqual(step(true).actions, [{ do: 'finish' }]);
});
