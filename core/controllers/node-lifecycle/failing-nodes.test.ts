// Nodes that fail in a cluster of many, with the controllers running: who is given up when, and what becomes of the pods.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../../test/turns.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { Taint } from '../../api/types.gen.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { resources } from '../../client/resources.ts';
import { microTimestamp, timestamp } from '../../ports.ts';
import { startControllers } from '../start.ts';

const nodeKey = (name: string) => ({ namespace: '', name });
const podKey = (name: string) => ({ namespace: 'default', name });

/** Nodes that report every ten seconds while they are well, and a pod of each with no patience at all. */
async function cluster(count: number) {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const well = new Set<string>();
  const now = (): string => timestamp(ports.clock.now());
  for (let i = 1; i <= count; i++) {
    const name = `n${i}`;
    well.add(name);
    api.create(resources.nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now() }] },
    });
    api.create(resources.leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'kube-node-lease', name },
      spec: { leaseDurationSeconds: 40, renewTime: microTimestamp(ports.clock.now()) },
    });
    api.create(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: podKey(`p${i}`),
      spec: { nodeName: name, containers: [] },
      status: { phase: 'Running' },
    });
  }
  const only = ['node-lifecycle', 'pod-garbage-collector'];
  const running = startControllers({ client: api.client(), ports, only });
  await running.synced;
  const report = (name: string): void => {
    const lease = api.find(resources.leases, { namespace: 'kube-node-lease', name })!;
    const spec = { ...(lease['spec'] as object), renewTime: microTimestamp(ports.clock.now()) };
    api.update(resources.leases, { ...lease, spec });
  };
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      ports.pass(1_000);
      if (Math.floor(ports.clock.now() / 1_000) % 10 === 0) for (const name of well) report(name);
      await turns();
    }
  };
  const node = (name: string): KubeObject => api.find(resources.nodes, nodeKey(name))!;
  const taintsOf = (name: string): Taint[] => (node(name)['spec'] as { taints?: Taint[] } | undefined)?.taints ?? [];
  const givenUp = (): string[] =>
    api
      .objects(resources.nodes)
      .map(({ metadata }) => metadata.name ?? '')
      .filter((name) => taintsOf(name).some(({ effect }) => effect === 'NoExecute'));
  const leaving = (): string[] =>
    api
      .objects(resources.pods)
      .filter(({ metadata }) => metadata.deletionTimestamp)
      .map(({ metadata }) => metadata.name ?? '');
  return { api, ports, well, pass, node, taintsOf, givenUp, leaving, running };
}

test('of nodes that fall silent together one is given up every ten seconds; who comes back keeps its pods', async () => {
  const { well, pass, givenUp, leaving, api, node, taintsOf, ports, running } = await cluster(7);
  await pass(60);
  for (const name of ['n1', 'n2', 'n3']) well.delete(name);
  await pass(45);
  assert.deepEqual([givenUp(), leaving()], [['n1'], ['p1']]);
  await pass(10);
  assert.deepEqual(
    [givenUp(), leaving()],
    [
      ['n1', 'n2'],
      ['p1', 'p2'],
    ],
  );
  well.add('n3');
  const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: timestamp(ports.clock.now()) }];
  api.update(resources.nodes, { ...node('n3'), status: { conditions } }, 'status');
  await pass(30);
  assert.deepEqual([givenUp(), leaving(), taintsOf('n3')], [['n1', 'n2'], ['p1', 'p2'], []]);
  await running.stop();
});

test('when more than half of a small cluster falls silent, it is rather the network: those that are left take nothing over', async () => {
  const { well, pass, givenUp, leaving, taintsOf, running } = await cluster(5);
  await pass(60);
  for (const name of ['n1', 'n2', 'n3']) well.delete(name);
  await pass(42);
  const early = givenUp();
  await pass(600);
  assert.deepEqual(givenUp(), early, 'none beside those that were given up before the others were known to be silent');
  assert.equal(leaving().length, early.length);
  for (const name of ['n1', 'n2', 'n3']) assert.ok(taintsOf(name).some(({ effect }) => effect === 'NoSchedule'));
  await running.stop();
});

test('when nobody reports nobody is given up, however long it takes', async () => {
  const { well, pass, givenUp, leaving, running } = await cluster(4);
  await pass(60);
  well.clear();
  await pass(900);
  assert.deepEqual([givenUp(), leaving()], [[], []]);
  await running.stop();
});

test('pods of a node that is said to be out of service are let go of at once, without its word', async () => {
  const { api, well, pass, leaving, node, taintsOf, running } = await cluster(3);
  await pass(60);
  well.delete('n1');
  await pass(60);
  assert.deepEqual(leaving(), ['p1'], 'it waits for its node');
  const taint = { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' } as const;
  api.update(resources.nodes, { ...node('n1'), spec: { taints: [...taintsOf('n1'), taint] } });
  await pass(1);
  assert.equal(api.find(resources.pods, podKey('p1')), undefined);
  await running.stop();
});

test('a node that is deleted takes its pods along after a while, also when nothing else happens', async () => {
  const { api, well, pass, running } = await cluster(3);
  await pass(60);
  well.delete('n1');
  api.delete(resources.nodes, nodeKey('n1'), {});
  await pass(30);
  assert.ok(api.find(resources.pods, podKey('p1')), 'it may be registered again');
  await pass(35);
  assert.equal(api.find(resources.pods, podKey('p1')), undefined);
  await running.stop();
});
