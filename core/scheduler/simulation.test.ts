// Schedulers under a bad network, from seeds: no node is ever given more than it has, and whatever fits is placed in the end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../test/turns.ts';
import type { KubeObject } from '../api/objects.ts';
import { FakeApi } from '../client/fixture/fake-api.ts';
import { type FaultyClient, faultyClient } from '../client/fixture/faulty-client.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { seededRandom } from '../client/fixture/random.ts';
import { resources } from '../client/resources.ts';
import { makeNode, makePod } from './fixture/objects.ts';
import type { StoredNode } from './node-info.ts';
import { isTerminal, type StoredPod } from './pod-info.ts';
import { podRequests, resourcesOf } from './requests.ts';
import { type RunningScheduler, startScheduler } from './start.ts';

const seeds = Number(process.env['SEEDS'] ?? 10);
const first = Number(process.env['SEED'] ?? 1);
const rates = { refused: 0.1, lostAnswer: 0.1, watchEnds: 0.05, repeated: 0.1, delayed: 0.4 };

function assertNotOvercommitted(api: FakeApi): void {
  for (const node of api.objects(resources.nodes) as unknown as StoredNode[]) {
    const own = (api.objects(resources.pods) as unknown as StoredPod[]).filter(
      (pod) => pod.spec?.nodeName === node.metadata.name && !isTerminal(pod),
    );
    const { cpuMilli, memory } = resourcesOf(node.status?.allocatable as Record<string, string>);
    const asked = own.map((pod) => podRequests(pod));
    const cpu = asked.reduce((sum, one) => sum + one.cpuMilli, 0);
    assert.ok(cpu <= cpuMilli, `${node.metadata.name}: ${cpu} of ${cpuMilli}`);
    assert.ok(asked.reduce((sum, one) => sum + one.memory, 0) <= memory);
    assert.ok(own.length <= Number(node.status?.allocatable?.['pods']));
  }
}

for (let seed = first; seed < first + seeds; seed++) {
  test(`no node is over-committed, and what fits is placed (seed ${seed})`, async () => {
    const ports = manualPorts();
    const api = new FakeApi(ports);
    const random = seededRandom(seed);
    const put = (of: (typeof resources)['pods'], object: unknown): KubeObject => api.create(of, object as KubeObject);
    const pause = (): Promise<void> => (random.chance(0.3) ? turns(1) : Promise.resolve());
    let faulty: FaultyClient;
    let running: RunningScheduler;
    const start = (): void => {
      faulty = faultyClient(api.client(), random, rates, pause);
      running = startScheduler({ client: faulty.client, ports });
    };
    api.onWrite = (verb) => {
      if (verb === 'bind') assertNotOvercommitted(api);
    };
    for (let i = 0; i < 4; i++) {
      put(resources.nodes, makeNode(`n${i}`, { allocatable: { cpu: '4', memory: '4Gi', pods: '8' } }));
    }
    start();
    for (let i = 0; i < 60; i++) {
      const requests = { cpu: `${100 * (1 + random.below(20))}m`, memory: `${64 * (1 + random.below(16))}Mi` };
      put(resources.pods, makePod(`p${i}`, { requests }));
      if (random.chance(0.3)) {
        const victim = random.pick(api.objects(resources.pods));
        if (victim) api.remove(resources.pods, { namespace: 'default', name: victim.metadata.name ?? '' });
      }
      if (random.chance(0.05)) {
        faulty!.kill();
        void running!.stop();
        start();
      }
      await turns(random.below(6));
      ports.pass(random.below(400));
    }
    put(resources.nodes, makeNode('large', { allocatable: { cpu: '100', memory: '400Gi', pods: '100' } }));
    const waiting = (): KubeObject[] =>
      api.objects(resources.pods).filter((pod) => !(pod as unknown as StoredPod).spec?.nodeName);
    for (let i = 0; i < 3_000 && waiting().length > 0; i++) {
      await turns(2);
      ports.pass(100);
    }
    assert.deepEqual(
      waiting().map((pod) => pod.metadata.name),
      [],
    );
    assertNotOvercommitted(api);
    faulty!.kill();
    await running!.stop();
  });
}

test('a pod that fits nowhere gets the condition and the event, and is bound once a node comes', async () => {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const running = startScheduler({ client: api.client(), ports });
  api.create(resources.nodes, makeNode('small', { allocatable: { cpu: '1' } }) as unknown as KubeObject);
  api.create(resources.pods, makePod('big', { requests: { cpu: '2' } }) as unknown as KubeObject);
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      await turns(2);
      ports.pass(100);
    }
  };
  await settle();
  const find = () => api.find(resources.pods, { namespace: 'default', name: 'big' }) as unknown as StoredPod;
  const condition = find().status?.conditions?.[0];
  assert.deepEqual(
    [condition?.type, condition?.status, condition?.reason, condition?.message],
    ['PodScheduled', 'False', 'Unschedulable', '0/1 nodes are available: 1 Insufficient cpu.'],
  );
  const [event] = api.objects(resources.events);
  assert.equal(event?.['reason'], 'FailedScheduling');
  assert.equal(event?.['reportingComponent'], 'default-scheduler');
  api.create(resources.nodes, makeNode('large', { allocatable: { cpu: '4' } }) as unknown as KubeObject);
  await settle();
  assert.equal(find().spec?.nodeName, 'large');
  assert.ok(
    api.objects(resources.events).some((one) => one['message'] === 'Successfully assigned default/big to large'),
  );
  await running.stop();
});

test('pods of other schedulers, gated pods and pods being deleted are left alone', async () => {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  api.create(resources.nodes, makeNode('n') as unknown as KubeObject);
  const create = (name: string, spec: object): KubeObject =>
    api.create(resources.pods, makePod(name, { spec }) as unknown as KubeObject);
  create('foreign', { schedulerName: 'mine' });
  create('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
  create('own', {});
  const running = startScheduler({ client: api.client(), ports });
  for (let i = 0; i < 10; i++) {
    await turns(2);
    ports.pass(100);
  }
  const nodes = api
    .objects(resources.pods)
    .map((pod) => [pod.metadata.name, (pod as unknown as StoredPod).spec?.nodeName]);
  assert.deepEqual(nodes, [
    ['foreign', undefined],
    ['gated', undefined],
    ['own', 'n'],
  ]);
  await running.stop();
});
