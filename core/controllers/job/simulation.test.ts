// Jobs in the hands of two instances with caches that lag, under a bad network, from seeds: each pod that ends is counted
// once, none is made too many, and a job ends for the reason that it gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turns } from '../../../test/turns.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { JobSpec, JobStatus } from '../../api/types.gen.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { type Random, seededRandom } from '../../client/fixture/random.ts';
import { resources } from '../../client/resources.ts';
import { timestamp } from '../../ports.ts';
import { Instances, lagging, podsOf, type Stage } from '../fixture/instances.ts';
import { isDeleting } from '../owner.ts';
import { isActive, type StoredPod } from '../pod-state.ts';
import { indexOf, isTracked } from './pods.ts';

const seeds = Number(process.env['SEEDS'] ?? 12);
const first = Number(process.env['SEED'] ?? 1);

const key = { namespace: 'default', name: 'work' };

/** What became of the pods, by uid, as the nodes know it. */
interface Truth {
  succeeded: Set<string>;
  failed: Set<string>;
  /** Deleted by a user. */
  lost: Set<string>;
  /** Ended while the job watched over it: to be counted. */
  owed: { succeeded: Set<string>; failed: Set<string> };
}

interface World extends Stage {
  truth: Truth;
  instances: Instances;
  /** How many may run at once by the last two specs. */
  allowed: number[];
  faults: string[];
  /** Made by who was overtaken by a change of the job between its look and its request: one at most, and soon removed. */
  surplus: string[];
}

const jobOf = (world: World) =>
  world.api.find(resources.jobs, key) as KubeObject & { spec: JobSpec; status?: JobStatus };
const statusOf = (world: World): JobStatus => jobOf(world).status ?? {};
const hasCondition = (world: World, ...types: string[]): boolean =>
  Boolean(statusOf(world).conditions?.some(({ type, status }) => types.includes(type) && status === 'True'));

function edit(world: World, change: Partial<JobSpec>): void {
  const current = jobOf(world);
  const spec = { ...current.spec, ...change };
  world.allowed = [...world.allowed.slice(-1), spec.suspend ? 0 : (spec.parallelism ?? 1)];
  world.api.update(resources.jobs, { ...current, spec });
}

const describe = (world: World): string =>
  JSON.stringify({
    spec: { ...jobOf(world).spec, template: undefined },
    status: statusOf(world),
    pods: podsOf(world).map((pod) => [
      pod.metadata.name,
      pod.metadata.uid,
      pod.status?.phase,
      isDeleting(pod),
      isTracked(pod),
    ]),
    succeeded: [...world.truth.succeeded],
    failed: [...world.truth.failed],
    lost: [...world.truth.lost],
  });

function finish(world: World, pod: StoredPod, phase: 'Succeeded' | 'Failed'): void {
  const { uid } = pod.metadata;
  const which = phase === 'Succeeded' ? 'succeeded' : 'failed';
  world.truth[which].add(uid);
  if (isTracked(pod) && !isDeleting(pod)) world.truth.owed[which].add(uid);
  const lastTransitionTime = timestamp(world.ports.clock.now());
  const status = { phase, conditions: [{ type: 'Ready', status: 'False', lastTransitionTime }] };
  world.api.update(resources.pods, { ...(pod as unknown as KubeObject), status }, 'status');
}

/** What nodes do: pods start, come to an end of their own, and end when asked to. */
function nodesAct(world: World, failing: number): void {
  const { api, random } = world;
  for (const pod of podsOf(world)) {
    const podKey = { namespace: 'default', name: pod.metadata.name };
    const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (isDeleting(pod)) {
      if (random.chance(0.5)) continue;
      if (pod.spec?.nodeName && !ended) finish(world, pod, random.chance(0.2) ? 'Succeeded' : 'Failed');
      else if (!isTracked(pod)) api.remove(resources.pods, podKey);
    } else if (!pod.spec?.nodeName) {
      if (random.chance(0.7)) api.bind({ apiVersion: 'v1', kind: 'Binding', metadata: podKey, target: { name: 'n1' } });
    } else if (!pod.status?.phase) {
      api.update(resources.pods, { ...(pod as unknown as KubeObject), status: { phase: 'Running' } }, 'status');
    } else if (!ended && random.chance(0.15)) {
      finish(world, pod, random.chance(failing) ? 'Failed' : 'Succeeded');
    }
  }
}

/** A pod is one too many when more run than may, when its index has one, or when no more are needed. */
function watchCreations(world: World): void {
  world.api.onWrite = (verb, of) => {
    if (of.plural !== 'pods' || verb !== 'create') return;
    const active = podsOf(world).filter(isActive);
    const { completions = 1, completionMode } = jobOf(world).spec;
    if (completionMode === 'Indexed') {
      const indexes = new Set(active.map(indexOf));
      if (indexes.size < active.length) world.faults.push(`an index has two pods: ${describe(world)}`);
    } else if (active.length > Math.min(Math.max(...world.allowed), completions - world.truth.owed.succeeded.size)) {
      world.surplus.push(`${active.length} run: ${describe(world)}`);
    }
  };
}

function assertCounts(world: World): void {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: noted } = statusOf(world);
  const { truth } = world;
  assert.deepEqual(world.faults, []);
  assert.ok(world.surplus.length <= 1, world.surplus.join('\n'));
  assert.ok(succeeded <= truth.succeeded.size, `${succeeded} succeeded: ${describe(world)}`);
  assert.ok(
    (noted?.succeeded ?? []).every((uid) => truth.succeeded.has(uid) || truth.lost.has(uid)),
    describe(world),
  );
  // What a job removes as it ends counts as failed, in Kubernetes too.
  if (hasCondition(world, 'FailureTarget', 'SuccessCriteriaMet')) return;
  const failures = new Set([...truth.owed.failed, ...truth.lost]);
  assert.ok(failed + (noted?.failed?.length ?? 0) <= failures.size, `${failed} failed: ${describe(world)}`);
}

function newJob(random: Random): KubeObject {
  const completions = 3 + random.below(5);
  const kinds: Partial<JobSpec>[] = [
    { backoffLimit: 4 },
    { completionMode: 'Indexed', backoffLimit: 4 },
    { completionMode: 'Indexed', backoffLimit: 1000, backoffLimitPerIndex: 1 },
  ];
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { ...key },
    spec: {
      completions,
      parallelism: 1 + random.below(completions),
      ...kinds[random.below(kinds.length)],
      selector: { matchLabels: { job: 'work' } },
      template: {
        metadata: { labels: { job: 'work' } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v1' }] },
      },
    },
  };
}

function disturb(world: World, withUser: boolean): void {
  const { random } = world;
  if (random.chance(0.01)) {
    world.instances.kill();
    world.instances.start(lagging);
  }
  if (random.chance(0.01)) world.api.expireLog(resources.pods);
  if (!withUser || hasCondition(world, 'FailureTarget', 'SuccessCriteriaMet')) return;
  if (random.chance(0.01)) edit(world, { parallelism: 1 + random.below(jobOf(world).spec.completions ?? 1) });
  if (random.chance(0.01)) edit(world, { suspend: !jobOf(world).spec.suspend });
  const victim = random.chance(0.01) ? random.pick(podsOf(world).filter(isActive)) : undefined;
  if (!victim) return;
  world.truth.lost.add(victim.metadata.uid);
  world.api.delete(resources.pods, { namespace: 'default', name: victim.metadata.name });
}

async function runToTheEnd(world: World, failing: number, withUser: boolean): Promise<void> {
  const isOver = (): boolean =>
    hasCondition(world, 'Complete', 'Failed') && podsOf(world).every((pod) => !isActive(pod));
  for (let round = 0; round < 4_000; round++) {
    await turns(3);
    assertCounts(world);
    if (isOver()) return;
    nodesAct(world, failing);
    disturb(world, withUser && round < 600);
    if (round === 600 && jobOf(world).spec.suspend) edit(world, { suspend: false });
    world.ports.pass(world.random.chance(0.1) ? 20_000 : 50);
  }
  assert.fail(`not over: ${describe(world)}`);
}

/** The reasons are true. */
function assertEnd(world: World): void {
  const { succeeded = 0, failed = 0, conditions = [] } = statusOf(world);
  const { spec } = jobOf(world);
  const { truth } = world;
  assert.ok(succeeded >= (spec.completionMode === 'Indexed' ? 0 : truth.owed.succeeded.size), describe(world));
  assert.ok(failed >= truth.owed.failed.size, describe(world));
  const reason = conditions.find(({ type }) => type === 'Failed')?.reason;
  if (!reason) assert.ok(succeeded >= (spec.completions ?? 1), describe(world));
  const failures = truth.owed.failed.size + truth.lost.size;
  if (reason === 'BackoffLimitExceeded') assert.ok(failures > (spec.backoffLimit ?? 6), describe(world));
}

for (let seed = first; seed < first + seeds; seed++) {
  for (const withUser of [false, true]) {
    const story = withUser ? 'also when it is edited, suspended and robbed of pods' : 'from its start to its end';
    test(`two instances count each pod of a job once, ${story} (seed ${seed})`, async () => {
      const ports = manualPorts();
      const truth: Truth = {
        succeeded: new Set(),
        failed: new Set(),
        lost: new Set(),
        owed: { succeeded: new Set(), failed: new Set() },
      };
      const random = seededRandom(seed * 7919 + (withUser ? 1 : 0));
      const stage: Stage = { api: new FakeApi(ports), ports, random };
      const world: World = {
        ...stage,
        truth,
        instances: new Instances(stage, ['job'], turns),
        allowed: [],
        faults: [],
        surplus: [],
      };
      const job = newJob(world.random);
      world.allowed = [(job['spec'] as JobSpec).parallelism ?? 1];
      world.api.create(resources.jobs, job);
      // An edit between a look and what follows from it may make a pod too many; the next look removes it.
      if (!withUser) watchCreations(world);
      for (let i = 0; i < 2; i++) world.instances.start(lagging);
      await runToTheEnd(world, world.random.next() * 0.6, withUser);
      assertEnd(world);
      await world.instances.killAll();
    });
  }
}
