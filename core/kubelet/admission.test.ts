import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod } from '../api/types.gen.ts';
import { admit } from './admission.ts';
import { podPhase } from './phase.ts';
import { firstState, mayRun, noteOutcome } from './probes.ts';
import { qosClass } from './qos.ts';

const node: Node = {
  metadata: { name: 'one', labels: { disk: 'ssd' } },
  status: { allocatable: { cpu: '1', memory: '1Gi', pods: '2' } },
};
const abilities = { userNamespaces: false, supplementalGroupsPolicy: false, allowedUnsafeSysctls: ['net.core.*'] };
const pod = (spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({ spec: { containers: [{ name: 'c' }], ...spec } });
const asking = (requests: Record<string, string>): Pod => pod({ containers: [{ name: 'c', resources: { requests } }] });
const reason = (wanted: Pod, others: Pod[] = []): string | undefined => admit(wanted, node, others, abilities)?.reason;

test('a pod that no longer fits is rejected in the words that users know', () => {
  assert.equal(reason(asking({ cpu: '600m' })), undefined);
  assert.deepEqual(admit(asking({ cpu: '600m' }), node, [asking({ cpu: '500m' })], abilities), {
    reason: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 600, used: 500, capacity: 1000",
  });
  assert.equal(reason(asking({ memory: '2Gi' })), 'OutOfmemory');
  assert.equal(reason(asking({ 'example.com/gpu': '1' })), 'OutOfexample.com/gpu');
  assert.equal(reason(pod(), [pod(), pod()]), 'OutOfpods');
  assert.equal(reason(pod(), [pod(), { ...pod(), status: { phase: 'Succeeded' } }]), undefined);
});

test('labels, host ports, sysctls and abilities of the node', () => {
  assert.equal(reason(pod({ nodeSelector: { disk: 'hdd' } })), 'NodeAffinity');
  const port = (hostIP?: string): Pod =>
    pod({ containers: [{ name: 'c', ports: [{ containerPort: 1, hostPort: 80, hostIP }] }] });
  assert.equal(reason(port(), [port()]), 'NodePorts');
  assert.equal(reason(port('127.0.0.1'), [port()]), 'NodePorts');
  assert.equal(reason(port('127.0.0.1'), [port('127.0.0.2')]), undefined);
  const sysctl = (name: string): Pod => pod({ securityContext: { sysctls: [{ name, value: '1' }] } });
  assert.equal(reason(sysctl('kernel.shm_rmid_forced')), undefined);
  assert.equal(reason(sysctl('net.core.somaxconn')), undefined);
  assert.equal(reason(sysctl('kernel.msgmax')), 'SysctlForbidden');
  assert.equal(reason(pod({ hostUsers: false })), 'UserNamespacesNotSupported');
});

test('quality of service by requests and limits', () => {
  const both = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1000m', memory: '1024Mi' } };
  const of = (...resources: object[]) =>
    qosClass(pod({ containers: resources.map((r) => ({ name: 'c', resources: r })) }));
  assert.equal(of({}), 'BestEffort');
  assert.equal(of(both), 'Guaranteed');
  assert.equal(of({ limits: both.limits }), 'Guaranteed');
  assert.equal(of(both, {}), 'Burstable');
  assert.equal(of({ requests: { cpu: '1' } }), 'Burstable');
  assert.equal(of({ requests: { cpu: '0' } }), 'BestEffort');
});

test('a probe needs its thresholds in a row, and startup goes before the others', () => {
  const probe = { successThreshold: 2, failureThreshold: 3 };
  const outcomes = [true, true, false, false, true, false, false, false];
  let state = firstState('readiness');
  const seen = outcomes.map((ok) => (state = noteOutcome(state, probe, ok)).result);
  assert.deepEqual(seen, [false, true, true, true, true, true, true, false]);
  assert.equal(mayRun('liveness', true, undefined, false, firstState('liveness')), false);
  assert.equal(mayRun('liveness', true, true, false, firstState('liveness')), true);
  assert.equal(mayRun('liveness', false, undefined, true, firstState('liveness')), false);
  assert.equal(mayRun('readiness', false, undefined, true, firstState('readiness')), true);
});

test('phases: pending until all started, over when nothing will be restarted', () => {
  const running = { name: 'c', state: { running: {} }, ready: true, restartCount: 0, image: '', imageID: '' };
  const ended = (exitCode: number) => ({ ...running, ready: false, state: { terminated: { exitCode } } });
  const never = pod({ restartPolicy: 'Never' });
  assert.equal(podPhase(pod(), [], false, false), 'Pending');
  assert.equal(podPhase(pod(), [running], false, true), 'Running');
  assert.equal(podPhase(pod(), [ended(0)], false, true), 'Running');
  assert.equal(podPhase(pod(), [ended(0)], true, true), 'Succeeded');
  assert.equal(podPhase(never, [ended(0)], false, true), 'Succeeded');
  assert.equal(podPhase(never, [ended(1)], false, true), 'Failed');
});
