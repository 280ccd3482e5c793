// Pods in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import type { StatefulSetSpec, StatefulSetStatus } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import { makePod, nowMs, type PodLike } from '../fixture/objects.ts';
import type { StoredRevision } from '../revision-history.ts';
import { decideStatefulSet, type ObservedStatefulSet } from './decide.ts';
import type { StoredStatefulSet } from './pods.ts';

const labels = { app: 'db' };
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }] } });

const makeSet = (spec: Partial<StatefulSetSpec> = {}, status: Partial<StatefulSetStatus> = {}): StoredStatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default', uid: 'uid-db', resourceVersion: '4', generation: 1 },
  spec: {
    replicas: 3,
    serviceName: 'db',
    selector: { matchLabels: labels },
    template: template('v1'),
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    ...spec,
  },
  status: { replicas: 0, ...status },
});

const makeRevision = (name: string, image: string, revision: number): StoredRevision =>
  ({
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'uid-db', controller: true }],
    },
    data: { spec: { template: { ...template(image), $patch: 'replace' } } },
    revision,
  }) as unknown as StoredRevision;

const owner = { kind: 'StatefulSet', name: 'db', uid: 'uid-db' };
const pod = (ordinal: number, like: PodLike & { revision?: string } = {}) =>
  makePod(`db-${ordinal}`, {
    owner,
    readyFor: 9,
    node: 'n',
    labels: {
      ...labels,
      'statefulset.kubernetes.io/pod-name': `db-${ordinal}`,
      'controller-revision-hash': like.revision ?? 'db-1',
    },
    ...like,
  });

const observe = (
  set: StoredStatefulSet,
  pods: ReturnType<typeof pod>[] = [],
  more: Partial<ObservedStatefulSet> = {},
): ObservedStatefulSet => ({
  set,
  pods,
  revisions: [makeRevision('db-1', 'v1', 1)],
  claims: [],
  ...more,
});

const acts = (observed: ObservedStatefulSet): string[] =>
  decideStatefulSet(observed, nowMs).flatMap((action: Action) => {
    if (action.do === 'create') return [`+${action.object.metadata.name}`];
    return action.do === 'delete' ? [`-${action.key.name}`] : [];
  });

test('the first pod comes with its revision and its claim', () => {
  const claims = [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }];
  const set = makeSet({ volumeClaimTemplates: claims as StatefulSetSpec['volumeClaimTemplates'] });
  assertGolden('controllers/stateful-set-first', decideStatefulSet(observe(set, [], { revisions: [] }), nowMs));
});

test('one after the other: the next waits until the one before is ready', () => {
  assert.deepEqual(acts(observe(makeSet(), [pod(0)])), ['+db-1']);
  assert.deepEqual(acts(observe(makeSet(), [pod(0, { readyFor: undefined })])), []);
  assert.deepEqual(acts(observe(makeSet(), [pod(0, { deleting: true }), pod(1)])), []);
  assert.deepEqual(acts(observe(makeSet(), [pod(1), pod(2)])), ['+db-0']);
  assert.deepEqual(acts(observe(makeSet({ minReadySeconds: 30 }), [pod(0)])), []);
});

test('in parallel all come and go at once', () => {
  const set = makeSet({ podManagementPolicy: 'Parallel' });
  assert.deepEqual(acts(observe(set, [pod(1, { readyFor: undefined })])), ['+db-0', '+db-2']);
  const smaller = makeSet({ podManagementPolicy: 'Parallel', replicas: 0 });
  assert.deepEqual(acts(observe(smaller, [pod(0), pod(1, { readyFor: undefined })])), ['-db-1', '-db-0']);
});

test('the highest goes first, and not while another is unwell', () => {
  const pods = [pod(0), pod(1), pod(2)];
  assert.deepEqual(acts(observe(makeSet({ replicas: 1 }), pods)), ['-db-2']);
  const going = [pod(0), pod(1), pod(2, { deleting: true })];
  assert.deepEqual(acts(observe(makeSet({ replicas: 1 }), going)), []);
  const unwell = [pod(0), pod(1, { readyFor: undefined }), pod(2)];
  assert.deepEqual(acts(observe(makeSet({ replicas: 1 }), unwell)), ['-db-2']);
  const first = [pod(0, { readyFor: undefined }), pod(1), pod(2)];
  assert.deepEqual(acts(observe(makeSet({ replicas: 1 }), first)), []);
});

test('a pod that ended is deleted and comes back', () => {
  assert.deepEqual(acts(observe(makeSet(), [pod(0, { phase: 'Failed', readyFor: undefined })])), ['-db-0']);
  assert.deepEqual(acts(observe(makeSet(), [pod(0, { phase: 'Succeeded', deleting: true })])), []);
});

const updated = { template: template('v2') };
const both = { revisions: [makeRevision('db-1', 'v1', 1), makeRevision('db-2', 'v2', 2)] };
const status = { currentRevision: 'db-1', updateRevision: 'db-2', currentReplicas: 3 };

test('an update goes from the last to the first, each when the one before is available', () => {
  const set = makeSet(updated, status);
  assert.deepEqual(acts(observe(set, [pod(0), pod(1), pod(2)], both)), ['-db-2']);
  assert.deepEqual(acts(observe(set, [pod(0), pod(1)], both)), ['+db-2']);
  const starting = pod(2, { revision: 'db-2', readyFor: undefined });
  assert.deepEqual(acts(observe(set, [pod(0), pod(1), starting], both)), []);
  assert.deepEqual(acts(observe(set, [pod(0), pod(1), pod(2, { revision: 'db-2' })], both)), ['-db-1']);
});

test('a partition holds the pods below it at the revision before', () => {
  const set = makeSet(
    { ...updated, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
    status,
  );
  assert.deepEqual(acts(observe(set, [pod(0), pod(1), pod(2, { revision: 'db-2' })], both)), []);
  const actions = decideStatefulSet(observe(set, [pod(0), pod(2, { revision: 'db-2' })], both), nowMs);
  const revision = actions.flatMap((action) =>
    action.do === 'create' ? [action.object.metadata.labels?.['controller-revision-hash']] : [],
  );
  assert.deepEqual(revision, ['db-1']);
});

test('with OnDelete nothing is replaced by itself', () => {
  const set = makeSet({ ...updated, updateStrategy: { type: 'OnDelete' } }, status);
  assert.deepEqual(acts(observe(set, [pod(0), pod(1), pod(2)], both)), []);
});

test('when all pods are of the new revision it becomes the current one', () => {
  const pods = [0, 1, 2].map((ordinal) => pod(ordinal, { revision: 'db-2' }));
  const written = decideStatefulSet(observe(makeSet(updated, status), pods, both), nowMs).flatMap((action) =>
    action.do === 'update' ? [action.object['status'] as StatefulSetStatus] : [],
  )[0];
  assert.deepEqual(
    [written?.currentRevision, written?.currentReplicas, written?.updatedReplicas, written?.readyReplicas],
    ['db-2', 3, 3, 3],
  );
});

test('going back to an older template raises its revision', () => {
  const actions = decideStatefulSet(observe(makeSet({}, status), [pod(0), pod(1), pod(2)], both), nowMs);
  const raised = actions.flatMap((action) =>
    action.do === 'update' && action.object.kind === 'ControllerRevision' ? [action.object] : [],
  );
  assert.deepEqual(
    raised.map((object) => [object.metadata.name, object['revision']]),
    [['db-1', 3]],
  );
});

test('claims go with the set or the pod as the retention policy says', () => {
  const claims = [{ metadata: { name: 'data' }, spec: {} }] as StatefulSetSpec['volumeClaimTemplates'];
  const set = makeSet({
    replicas: 1,
    volumeClaimTemplates: claims,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' },
  });
  const claim = (ordinal: number) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: `data-db-${ordinal}`, namespace: 'default', uid: `c${ordinal}` },
  });
  const observed = observe(set, [pod(0), pod(1)], { claims: [claim(0), claim(1)] });
  const owners = decideStatefulSet(observed, nowMs).flatMap((action) =>
    action.do === 'update' && action.object.kind === 'PersistentVolumeClaim'
      ? [[action.object.metadata.name, action.object.metadata.ownerReferences?.[0]?.uid]]
      : [],
  );
  assert.deepEqual(owners, [
    ['data-db-0', 'uid-db'],
    ['data-db-1', 'uid-db-1'],
  ]);
});
