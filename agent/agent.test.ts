import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeSyncRequest, NodeSyncResponse } from '../core/api/node-sync.ts';
import type { Stored } from '../core/api/objects.ts';
import type { Node, Pod, PodStatus } from '../core/api/types.gen.ts';
import { Agent } from './agent.ts';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import { ObjectCache } from './objects.ts';
import type { PodTask } from './runtime.ts';
import { SimulatedRuntime } from './simulated/driver.ts';

const root = mkdtempSync(join(tmpdir(), 'slipway-agent-'));
after(() => rmSync(root, { recursive: true, force: true }));

const nodeOf = (ready: string): Stored<Node> => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n', uid: 'n' },
  status: {
    allocatable: { cpu: '1', memory: '1Gi', pods: '10' },
    conditions: [{ type: 'Ready', status: ready }],
  },
});

/** A control plane that holds pods, and an agent without containers. */
class Stand {
  readonly pods = new Map<string, Stored<Pod>>();
  readonly statuses = new Map<string, PodStatus>();
  readonly gone: string[] = [];
  readonly events: string[] = [];
  readonly requests: NodeSyncRequest[] = [];
  away = false;
  /** The node's Ready condition, as the control plane has it. */
  ready = 'True';
  runtime = new SimulatedRuntime(() => Date.now(), '10.9.0.0/24');
  agent: Agent;
  readonly checkpoint: Checkpoint | undefined;

  constructor(checkpoint?: Checkpoint) {
    this.checkpoint = checkpoint;
    this.agent = this.#make();
  }

  #make(): Agent {
    return new Agent({
      nodeName: 'n',
      hostIPs: ['192.0.2.1'],
      runtime: this.runtime,
      objects: new ObjectCache(),
      client: {
        create: async <T>(_of: unknown, mirror: T) => {
          const { metadata, ...rest } = mirror as Stored<Pod>;
          const made = { ...rest, metadata: { ...metadata, uid: `mirror-${metadata.name}` } };
          this.pods.set(metadata.name, made);
          return made as T;
        },
        delete: () => assert.fail('no mirror pod is to go here'),
      },
      call: async (request) => this.#answer(request),
      recordEvent: (pod, event) => void this.events.push(`${pod.metadata.name} ${event.reason}`),
      ...(this.checkpoint ? { checkpoint: this.checkpoint } : {}),
      ownNode: () => nodeOf('Unknown'),
      abilities: () => ({ userNamespaces: false, supplementalGroupsPolicy: false, allowedUnsafeSysctls: [] }),
      leaseDurationSeconds: 40,
      syncIntervalMs: 200,
      now: () => Date.now(),
      log: () => undefined,
    });
  }

  async restart(): Promise<void> {
    await this.agent.close();
    this.runtime = new SimulatedRuntime(() => Date.now(), '10.9.0.0/24');
    for (const { pod, memory } of this.checkpoint?.load() ?? []) this.runtime.adopt({ ...pod, status: memory.status });
    this.agent = this.#make();
    await this.start();
  }

  /** @param t closes the agent when the test is over, however it ends */
  async start(t?: TestContext): Promise<void> {
    t?.after(() => this.agent.close());
    await this.agent.start();
    this.agent.connect();
  }

  async #answer(request: NodeSyncRequest): Promise<NodeSyncResponse> {
    if (this.away) throw new Error('away');
    this.requests.push(request);
    for (const { name, status } of request.podStatuses) {
      this.statuses.set(name, status);
      const pod = this.pods.get(name);
      if (pod) pod.status = status;
    }
    for (const { name } of request.podsGone) {
      this.gone.push(name);
      this.pods.delete(name);
    }
    const pods = structuredClone([...this.pods.values()]);
    return {
      since: '1',
      full: true,
      node: nodeOf(this.ready),
      pods,
      deletedPods: [],
      configMaps: [],
      secrets: [],
      missing: [],
      refused: [],
      nextSyncMs: 100,
    };
  }

  add(name: string, spec: Partial<NonNullable<Pod['spec']>> = {}, annotations: Record<string, string> = {}): void {
    const metadata = { name, namespace: 'ns', uid: `uid-${name}`, annotations };
    this.pods.set(name, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
    });
    this.agent.ring();
  }

  delete(name: string): void {
    const pod = this.pods.get(name)!;
    Object.assign(pod.metadata, { deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: 1 });
    this.agent.ring();
  }

  async until(what: string, check: () => unknown): Promise<void> {
    for (let i = 0; i < 6_000; i++) {
      if (check()) return;
      await sleep(10);
    }
    assert.fail(`never: ${what}`);
  }

  phase = (name: string): string | undefined => this.statuses.get(name)?.phase;
}

const asking = (cpu: string) => ({ containers: [{ name: 'c', image: 'i:1', resources: { requests: { cpu } } }] });

const manifest = (name: string, cpu: string): Pod => ({
  metadata: { name, namespace: 'default', uid: name, annotations: { 'kubernetes.io/config.hash': name } },
  spec: asking(cpu),
});

const taskOf = (pod: Pod): PodTask => ({
  uid: pod.metadata?.uid ?? '',
  pod,
  podIPs: [],
  hostIPs: [],
  ending: new AbortController().signal,
  event: () => {},
});

test('pods of a simulated node run, end by themselves when told so, and go when they are deleted', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('web');
  stand.add(
    'job',
    { restartPolicy: 'Never' },
    { 'slipway.dev/simulated-seconds': '0', 'slipway.dev/simulated-exit-code': '2' },
  );
  await stand.until('web runs', () => stand.phase('web') === 'Running');
  await stand.until('job fails', () => stand.phase('job') === 'Failed');
  assert.equal(stand.statuses.get('web')?.podIP?.startsWith('10.9.'), true);
  stand.delete('web');
  await stand.until('web is gone', () => stand.gone.includes('web'));
  assert.deepEqual(
    stand.events.filter((e) => e.startsWith('web')),
    ['web Created', 'web Started', 'web Killing'],
  );
  await stand.agent.close();
});

test('a pod that does not fit is Failed with the reason, and those that run are not disturbed', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('first', asking('800m'));
  await stand.until('first runs', () => stand.phase('first') === 'Running');
  stand.add('second', asking('800m'));
  await stand.until('second is rejected', () => stand.phase('second') === 'Failed');
  assert.equal(stand.statuses.get('second')?.reason, 'OutOfcpu');
  assert.match(stand.statuses.get('second')?.message ?? '', /^Pod was rejected: Node didn't have enough resource: cpu/);
  assert.equal(stand.phase('first'), 'Running');
  await stand.agent.close();
});

test('a static pod that does not fit is not run, also before the control plane has answered', async (t) => {
  const folder = mkdtempSync(join(root, 'static-'));
  const stand = new Stand(new Checkpoint(folder, () => undefined));
  stand.away = true;
  await stand.start(t);
  stand.agent.runStatic([manifest('first', '800m'), manifest('second', '800m'), manifest('third', '200m')]);
  const phase = (name: string): string | undefined => stand.agent.worker(name)?.memory.status?.phase;
  await stand.until('first runs', () => phase('first') === 'Running');
  await stand.until('second is rejected', () => phase('second') === 'Failed');
  await stand.until('third runs', () => phase('third') === 'Running');
  const { reason, message } = stand.agent.worker('second')?.memory.status ?? {};
  assert.equal(reason, 'UnexpectedAdmissionError');
  assert.match(message ?? '', /no set of running pods found to reclaim resources: \[\(res: cpu, q: 600\), \]$/);
  await stand.agent.close();
});

test('an ordinary pod makes room for a static one, which starts when that one has ended; so it does for one of high priority', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('small', asking('200m'));
  stand.add('big', asking('800m'));
  await stand.until('both run', () => stand.phase('small') === 'Running' && stand.phase('big') === 'Running');
  const slow = Promise.withResolvers<void>();
  const kill = stand.runtime.kill.bind(stand.runtime);
  stand.runtime.kill = async (task, request) => {
    await slow.promise;
    await kill(task, request);
  };
  stand.agent.runStatic([manifest('static', '700m')]);
  await stand.until('the static pod is shown', () => stand.phase('static') === 'Pending');
  assert.equal(stand.phase('big'), 'Running', 'it has not ended yet');
  const heard = stand.requests.length;
  await stand.until('time goes by', () => stand.requests.length > heard + 2);
  slow.resolve();
  await stand.until('the static pod runs', () => stand.phase('static') === 'Running');
  assert.deepEqual(stand.events.filter((event) => /^(big|static) (Preempting|Killing|Created)/.test(event)).slice(1), [
    'big Preempting',
    'big Killing',
    'static Created',
  ]);
  const { phase, reason, message, conditions } = stand.statuses.get('big')!;
  assert.deepEqual([phase, reason, message], ['Failed', 'Preempting', 'Preempted in order to admit critical pod']);
  const target = conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([target?.status, target?.reason], ['True', 'TerminationByKubelet']);
  assert.equal(stand.phase('small'), 'Running');
  stand.add('system', { ...asking('200m'), priority: 2_000_000_000 });
  await stand.until('the system pod runs', () => stand.phase('system') === 'Running');
  assert.equal(stand.statuses.get('small')?.reason, 'Preempting');
  assert.equal(stand.phase('static'), 'Running');
});

test('an agent that is restarted while a pod makes room goes on waiting for its end', async (t) => {
  const stand = new Stand(new Checkpoint(mkdtempSync(join(root, 'room-')), () => undefined));
  await stand.start(t);
  stand.add('big', asking('800m'));
  await stand.until('it runs', () => stand.phase('big') === 'Running');
  stand.runtime.kill = () => new Promise(() => {}); // the process dies before it is done
  stand.agent.runStatic([manifest('static', '700m')]);
  await stand.until('the static pod is shown', () => stand.phase('static') === 'Pending');
  await stand.restart();
  await stand.until('the static pod runs', () => stand.phase('static') === 'Running');
  assert.equal(stand.statuses.get('big')?.reason, 'Preempting');
  assert.deepEqual(stand.events.slice(-3), ['big Killing', 'static Created', 'static Started']);
});

test('while the control plane is away pods go on, and what happened is reported when it is back', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('job', { restartPolicy: 'Never' });
  await stand.until('job runs', () => stand.phase('job') === 'Running');
  stand.away = true;
  const { id } = stand.runtime.observed('uid-job').containers[0]!;
  const ends = { container: 'c', id, graceSeconds: 0, preStop: false, message: '' };
  await stand.runtime.kill(taskOf(stand.pods.get('job')!), ends);
  await stand.until('the agent knows', () => stand.agent.worker('uid-job')?.memory.status?.phase === 'Failed');
  assert.equal(stand.phase('job'), 'Running');
  stand.away = false;
  await stand.until('the end is reported', () => stand.phase('job') === 'Failed');
  await stand.agent.close();
});

test('pods that were marked not ready while the node was not heard are told anew once the node is ready', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('web');
  const isReady = (status?: PodStatus): boolean =>
    status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
  await stand.until('web is ready', () => isReady(stand.statuses.get('web')));
  const said = stand.statuses.get('web')!;
  const conditions = said.conditions!.map((one) => (one.type === 'Ready' ? { ...one, status: 'False' } : one));
  const syncs = async (): Promise<void> => {
    const heard = stand.requests.length;
    await stand.until('the node syncs', () => stand.requests.length > heard + 1);
  };
  stand.ready = 'Unknown';
  await syncs();
  stand.statuses.clear();
  stand.pods.get('web')!.status = { ...said, conditions };
  await syncs();
  assert.equal(stand.statuses.size, 0);
  stand.ready = 'True';
  await stand.until('web is told again', () => isReady(stand.statuses.get('web')));
  await stand.agent.close();
});

test('an agent that is restarted adopts its pods from the checkpoint, without the control plane', async (t) => {
  const stand = new Stand(new Checkpoint(root, () => undefined));
  await stand.start(t);
  stand.add('web');
  await stand.until('web is Ready', () => stand.statuses.get('web')?.containerStatuses?.[0]?.ready);
  const before = stand.statuses.get('web');
  stand.away = true;
  await stand.restart();
  assert.equal([...stand.agent.workers()].length, 1);
  stand.away = false;
  stand.statuses.clear();
  await stand.until('web is told again', () => stand.statuses.has('web'));
  assert.deepEqual(stand.statuses.get('web'), before);
  stand.pods.delete('web');
  stand.agent.ring();
  await stand.until('nothing is left', () => [...stand.agent.workers()].length === 0);
  await stand.agent.close();
  assert.deepEqual(new Checkpoint(root, () => undefined).load(), []);
});

test('a sandbox that turns up when its pod is gone already is taken away', async (t) => {
  const stand = new Stand();
  await stand.start(t);
  stand.add('kept');
  await stand.until('kept runs', () => stand.statuses.get('kept')?.phase === 'Running');
  const pod: Pod = { metadata: { name: 'late', namespace: 'ns', uid: 'uid-late' }, spec: { containers: [] } };
  await stand.runtime.createSandbox(taskOf(pod), 0);
  await stand.until('it is gone', () => !stand.runtime.present().some(({ uid }) => uid === 'uid-late'));
  assert.deepEqual(
    stand.runtime.present().map(({ name }) => name),
    ['kept'],
  );
});
