// Pods until enough have succeeded, or too many failed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { type KubeObject, keyOf } from '../../api/objects.ts';
import type { JobSpec, JobStatus } from '../../api/types.gen.ts';
import type { Client } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Cache } from '../controller.ts';
import { at, makePod, nowMs, type PodLike } from '../fixture/objects.ts';
import { asObject } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { decideJob } from './decide.ts';
import { decideJobExpiry } from './expiry.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { jobOrphanController } from './orphans.ts';
import { indexLabel, type StoredJob, trackingFinalizer } from './pods.ts';

const labels = { job: 'work' };

const makeJob = (spec: Partial<JobSpec> = {}, status: JobStatus = { startTime: at(-60) }): StoredJob => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'work', namespace: 'default', uid: 'uid-work', resourceVersion: '4', generation: 1 },
  spec: {
    completions: 3,
    parallelism: 2,
    backoffLimit: 6,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'v1' }] } },
    ...spec,
  },
  status,
});

const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: 'uid-work' };

function pod(name: string, like: PodLike & { index?: number; released?: boolean; exitCode?: number } = {}): StoredPod {
  const annotations = {
    ...like.annotations,
    ...(like.index === undefined ? {} : { [indexLabel]: String(like.index) }),
  };
  const status =
    like.exitCode === undefined
      ? like.status
      : {
          containerStatuses: [
            {
              name: 'c',
              image: 'v1',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: { terminated: { exitCode: like.exitCode, finishedAt: at(-900) } },
            },
          ],
        };
  const made = makePod(name, { owner, labels, node: 'n', ...like, annotations, ...(status ? { status } : {}) });
  if (!like.released) made.metadata.finalizers = [trackingFinalizer];
  return made;
}

const done = (name: string, more = {}) => pod(name, { phase: 'Succeeded', ...more });
const failed = (name: string, more = {}) => pod(name, { phase: 'Failed', ...more, status: { conditions: ended } });
const ended = [{ type: 'Ready', status: 'False' as const, lastTransitionTime: at(-900) }];

const decide = (job: StoredJob, pods: StoredPod[] = []): Action[] => decideJob({ job, pods, otherNames: [] }, nowMs);
const statusOf = (actions: Action[]): JobStatus =>
  actions.flatMap((action) => (action.do === 'update' ? [action.object['status'] as JobStatus] : []))[0] ?? {};
const made = (actions: Action[]) => actions.flatMap((action) => (action.do === 'create' ? [action.object] : []));
const removed = (actions: Action[]) => actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : []));
const released = (actions: Action[]) => actions.flatMap((action) => (action.do === 'patch' ? [action.key.name] : []));
const condition = (actions: Action[], type: string) => statusOf(actions).conditions?.find((one) => one.type === type);

test('a job begins with as many pods as may run at once', () => {
  assertGolden('controllers/job-first', decide(makeJob({}, {})));
});

test('an ended pod is first noted, then let go, then counted', () => {
  const noting = decide(makeJob(), [done('a'), pod('b')]);
  assert.deepEqual(statusOf(noting).uncountedTerminatedPods, { succeeded: ['uid-a'], failed: [] });
  assert.deepEqual([statusOf(noting).succeeded, released(noting), made(noting).length], [0, ['a'], 1]);
  const order = noting.map((action) => action.do);
  assert.ok(order.indexOf('update') < order.indexOf('patch'));
  const counting = decide(makeJob({}, statusOf(noting)), [done('a', { released: true }), pod('b'), pod('c')]);
  assert.deepEqual([statusOf(counting).succeeded, statusOf(counting).uncountedTerminatedPods?.succeeded], [1, []]);
});

test('when enough have succeeded the job is complete, once all is counted', () => {
  const first = decide(makeJob({}, { startTime: at(-60), succeeded: 2 }), [done('c')]);
  assert.equal(condition(first, 'SuccessCriteriaMet')?.reason, 'CompletionsReached');
  assert.equal(condition(first, 'Complete'), undefined);
  const last = decide(makeJob({}, statusOf(first)), [done('c', { released: true })]);
  assert.equal(condition(last, 'Complete')?.status, 'True');
  assert.deepEqual([statusOf(last).succeeded, statusOf(last).completionTime], [3, at(0)]);
  assert.ok(last.some((action) => action.do === 'event' && action.reason === 'Completed'));
});

test('too many failures end the job: its pods go, and then it has failed', () => {
  const job = makeJob({ backoffLimit: 1 }, { startTime: at(-60), failed: 1 });
  const first = decide(job, [failed('b'), pod('running')]);
  assert.deepEqual([condition(first, 'FailureTarget')?.reason, removed(first)], ['BackoffLimitExceeded', ['running']]);
  assert.equal(condition(first, 'Failed'), undefined);
  const last = decide({ ...job, status: statusOf(first) }, [failed('b', { released: true })]);
  assert.deepEqual([condition(last, 'Failed')?.reason, statusOf(last).failed], ['BackoffLimitExceeded', 2]);
});

test('after failures new pods wait, longer each time', () => {
  const recent = (seconds: number) =>
    pod('f', {
      phase: 'Failed',
      status: { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: at(-seconds) }] },
    });
  assert.deepEqual(made(decide(makeJob(), [recent(4)])), []);
  assert.deepEqual(decide(makeJob(), [recent(4)]).at(-1), { do: 'requeue', afterMs: 6_000 });
  assert.equal(made(decide(makeJob(), [recent(11)])).length, 2);
});

test('a deadline ends the job, and is looked at when it is due', () => {
  assert.deepEqual(decide(makeJob({ activeDeadlineSeconds: 90 })).at(-1), { do: 'requeue', afterMs: 30_000 });
  assert.equal(condition(decide(makeJob({ activeDeadlineSeconds: 50 })), 'FailureTarget')?.reason, 'DeadlineExceeded');
});

test('suspending removes the pods, resuming begins anew', () => {
  const suspended = decide(makeJob({ suspend: true }), [pod('a'), pod('b')]);
  assert.deepEqual([removed(suspended), condition(suspended, 'Suspended')?.status], [['a', 'b'], 'True']);
  assert.equal(statusOf(suspended).startTime, undefined);
  // Let go before they are deleted: what a suspension ends has not failed.
  assert.deepEqual(
    suspended.slice(0, 4).map((action) => action.do),
    ['patch', 'patch', 'delete', 'delete'],
  );
  const ending = decide(makeJob({ suspend: true }, statusOf(suspended)), [
    pod('a', { deleting: true, released: true }),
  ]);
  assert.deepEqual([statusOf(ending).failed, statusOf(ending).uncountedTerminatedPods?.failed], [0, []]);
  const resumed = decide(makeJob({}, statusOf(suspended)));
  assert.deepEqual([condition(resumed, 'Suspended')?.status, statusOf(resumed).startTime], ['False', at(0)]);
});

const indexed: Partial<JobSpec> = { completionMode: 'Indexed', completions: 4, parallelism: 3 };
const indexesOf = (actions: Action[]) => made(actions).map(({ metadata }) => metadata.annotations?.[indexLabel]);

test('an indexed job has one pod for each index, and remembers which are done', () => {
  assertGolden('controllers/job-indexed', decide(makeJob({ ...indexed, completions: 1 })));
  const actions = decide(makeJob(indexed), [done('p0', { index: 0 }), pod('p1', { index: 1 })]);
  assert.deepEqual([indexesOf(actions), statusOf(actions).completedIndexes], [['2', '3'], '0']);
  const doubled = decide(makeJob(indexed), [
    pod('x', { index: 1, age: 9 }),
    pod('y', { index: 1, age: 9_000 }),
    pod('z', { index: 9 }),
  ]);
  assert.equal(removed(doubled).length, 2);
});

test('the next pod of an index is named by the one before it, unless the name is taken', () => {
  const job = makeJob({ ...indexed, completions: 1 });
  const named = (version: string, otherNames: string[], before = [failed('p0', { index: 0 })]): string | undefined => {
    const seen = { ...job, metadata: { ...job.metadata, resourceVersion: version } };
    return made(decideJob({ job: seen, pods: before, otherNames }, nowMs))[0]?.metadata.name;
  };
  const name = named('4', [])!;
  assert.equal(named('5', []), name);
  assert.notEqual(named('4', [name]), name);
  // An evicted pod leaves no trace but the job's next version.
  assert.notEqual(named('4', [], []), named('5', [], []));
});

test('with a limit for each index the others go on', () => {
  const job = makeJob({ ...indexed, backoffLimitPerIndex: 1, backoffLimit: 100 });
  const once = failed('p0', { index: 0, annotations: { 'batch.kubernetes.io/job-index-failure-count': '0' } });
  const again = decide(job, [once]);
  assert.deepEqual(indexesOf(again), ['0', '1', '2']);
  assert.equal(made(again)[0]?.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  assert.deepEqual(released(again), [], 'its failures are known by it alone');
  const next = pod('p1', { index: 0, annotations: { 'batch.kubernetes.io/job-index-failure-count': '1' } });
  assert.deepEqual(released(decide(job, [once, next])), ['p0']);
  const twice = failed('p0', { index: 0, annotations: { 'batch.kubernetes.io/job-index-failure-count': '1' } });
  const given = decide(job, [twice, done('p1', { index: 1 })]);
  assert.deepEqual([statusOf(given).failedIndexes, indexesOf(given)], ['0', ['2', '3']]);
  const rest = [done('p1', { index: 1 }), done('p2', { index: 2 }), done('p3', { index: 3 })];
  assert.equal(condition(decide(job, [twice, ...rest]), 'FailureTarget')?.reason, 'FailedIndexes');
  const few = makeJob({ ...indexed, backoffLimitPerIndex: 1, backoffLimit: 100, maxFailedIndexes: 0 });
  assert.equal(condition(decide(few, [twice]), 'FailureTarget')?.reason, 'MaxFailedIndexesExceeded');
});

test('a failure policy may end the job, pass over a failure, or give up an index', () => {
  const policy = (action: string): Partial<JobSpec> => ({
    podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }] },
  });
  const ends = decide(makeJob(policy('FailJob')), [pod('a', { phase: 'Failed', exitCode: 42 })]);
  assert.equal(
    condition(ends, 'FailureTarget')?.message,
    'Container c for pod default/a failed with exit code 42 matching FailJob rule at index 0',
  );
  const ignored = decide(makeJob({ ...policy('Ignore'), backoffLimit: 0 }), [
    pod('a', { phase: 'Failed', exitCode: 42 }),
  ]);
  assert.deepEqual([condition(ignored, 'FailureTarget'), released(ignored)], [undefined, ['a']]);
  const index = makeJob({ ...indexed, ...policy('FailIndex'), backoffLimitPerIndex: 5, backoffLimit: 100 });
  assert.equal(statusOf(decide(index, [pod('a', { phase: 'Failed', exitCode: 42, index: 2 })])).failedIndexes, '2');
});

test('a success policy may be content with less', () => {
  const job = makeJob({ ...indexed, successPolicy: { rules: [{ succeededIndexes: '1-2', succeededCount: 1 }] } });
  const actions = decide(job, [done('p2', { index: 2 }), pod('p0', { index: 0 })]);
  assert.deepEqual(
    [condition(actions, 'SuccessCriteriaMet')?.message, removed(actions)],
    ['Matched rules at index 0', ['p0']],
  );
});

test('the pods of a job that is finished or gone are let go', () => {
  const complete = makeJob({}, { conditions: [{ type: 'Complete', status: 'True' }] });
  assert.deepEqual(released(decide(complete, [done('a'), done('b', { released: true })])), ['a']);
  const late = decide(complete, [pod('late')]);
  assert.deepEqual([released(late), removed(late)], [['late'], ['late']]);
  assert.deepEqual(released(decideJob({ strays: [done('x')] }, nowMs)), ['x']);
});

test('a pod that a job adopts is held until it is counted, and one that is nobody’s any more is let go', () => {
  const [adopted] = decide(makeJob(), [pod('free', { owner: undefined, released: true })]);
  assert.deepEqual(adopted?.do === 'patch' && (adopted.patch as KubeObject).metadata.finalizers, [trackingFinalizer]);

  const orphan = asObject(pod('orphan', { owner: undefined }));
  const keys = (one: KubeObject) => jobOrphanController.keysFor(resources.pods, one, undefined, {} as Cache);
  assert.deepEqual(keys(orphan), [{ namespace: 'default', name: 'orphan' }]);
  assert.deepEqual(
    [keys(asObject(pod('owned'))), keys(asObject(pod('other', { owner: undefined, released: true })))],
    [[], []],
  );
  const seen = jobOrphanController.observe(keyOf(orphan), { get: () => orphan } as unknown as Cache, {} as Client);
  assert.deepEqual(released(jobOrphanController.decide(seen as StoredPod, nowMs)), ['orphan']);
});

test('a finished job goes when its time is up', () => {
  const finished = (seconds: number): StoredJob =>
    makeJob(
      { ttlSecondsAfterFinished: 100 },
      { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: at(-seconds) }] },
    );
  assert.deepEqual(decideJobExpiry(finished(40), nowMs), [{ do: 'requeue', afterMs: 60_000 }]);
  assert.deepEqual(removed(decideJobExpiry(finished(100), nowMs)), ['work']);
});

test('indexes are written as ranges', () => {
  assert.equal(formatIndexes(new Set([7, 1, 3, 4, 5, 9, 10])), '1,3-5,7,9,10');
  assert.deepEqual([...parseIndexes('1,3-5,7,x', 6)], [1, 3, 4, 5]);
});
