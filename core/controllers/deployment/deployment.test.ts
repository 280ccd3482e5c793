// Rollouts, step by step.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { StatusError } from '../../api/errors.ts';
import type { DeploymentSpec, DeploymentStatus } from '../../api/types.gen.ts';
import type { Action } from '../controller.ts';
import { at, makePod, nowMs } from '../fixture/objects.ts';
import { decideDeployment, failedDeployment, type ObservedDeployment } from './decide.ts';
import type { DeploymentReplicaSet, StoredDeployment } from './model.ts';
import { newSetName, templateHash } from './revisions.ts';

const labels = { app: 'web' };
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }] } });

function makeDeployment(
  spec: Partial<DeploymentSpec> = {},
  status: DeploymentStatus = {},
  annotations?: Record<string, string>,
): StoredDeployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-web',
      resourceVersion: '9',
      generation: 3,
      ...(annotations ? { annotations } : {}),
    },
    spec: {
      replicas: 10,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 10,
      template: template('v2'),
      ...spec,
    },
    status,
  };
}

interface SetLike {
  image: string;
  replicas: number;
  available?: number;
  revision?: number;
  desired?: number;
  most?: number;
  age?: number;
}

function makeSet(
  name: string,
  { image, replicas, available = replicas, revision = 1, desired = 10, most = 13, age = 100 }: SetLike,
): DeploymentReplicaSet {
  const hash = { ...labels, 'pod-template-hash': name };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${name}`,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '4',
      generation: 1,
      creationTimestamp: at(-age),
      labels: hash,
      annotations: {
        'deployment.kubernetes.io/revision': String(revision),
        'deployment.kubernetes.io/desired-replicas': String(desired),
        'deployment.kubernetes.io/max-replicas': String(most),
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: 'web',
          uid: 'uid-web',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      replicas,
      selector: { matchLabels: hash },
      template: { ...template(image), metadata: { labels: hash } },
    },
    status: { replicas, readyReplicas: available, availableReplicas: available, observedGeneration: 1 },
  };
}

const observe = (
  deployment: StoredDeployment,
  replicaSets: DeploymentReplicaSet[] = [],
  more: Partial<ObservedDeployment> = {},
): ObservedDeployment => ({ deployment, replicaSets, pods: [], ...more });

const decide = (observed: ObservedDeployment): Action[] => decideDeployment(observed, nowMs);

/** New sizes by the name of the replica set. */
const sizes = (actions: Action[]): Record<string, number> =>
  Object.fromEntries(
    actions.flatMap((action) =>
      'object' in action && action.object.kind === 'ReplicaSet'
        ? [[action.object.metadata.name, (action.object['spec'] as { replicas: number }).replicas]]
        : [],
    ),
  );

const statusOf = (actions: Action[]): DeploymentStatus =>
  actions.flatMap((action) =>
    action.do === 'update' && action.subresource === 'status' ? [action.object['status'] as DeploymentStatus] : [],
  )[0] ?? {};

const progressing = (actions: Action[]) => statusOf(actions).conditions?.find(({ type }) => type === 'Progressing');

test('a new deployment gets its first replica set, a revision and its conditions', () => {
  assertGolden('controllers/deployment-first', decide(observe(makeDeployment())));
});

test('a new template gets a new set as far as the surge allows, and old pods go as far as availability allows', () => {
  const old = makeSet('old', { image: 'v1', replicas: 10 });
  const actions = decide(observe(makeDeployment(), [old]));
  assertGolden('controllers/deployment-rollout-begins', actions);
  assert.deepEqual(Object.values(sizes(actions)), [3, 8]);
});

test('each round grows the new set into the surge, or shrinks the old by what is available beyond the least', () => {
  const round = (old: SetLike, fresh: SetLike): Record<string, number> =>
    sizes(decide(observe(makeDeployment(), [makeSet('old', old), makeSet('new', { ...fresh, revision: 2, age: 10 })])));
  assert.deepEqual(round({ image: 'v1', replicas: 8 }, { image: 'v2', replicas: 3, available: 0 }), { 'web-new': 5 });
  assert.deepEqual(round({ image: 'v1', replicas: 8 }, { image: 'v2', replicas: 5, available: 0 }), {});
  assert.deepEqual(round({ image: 'v1', replicas: 8 }, { image: 'v2', replicas: 5, available: 2 }), { 'web-old': 6 });
  assert.deepEqual(round({ image: 'v1', replicas: 2 }, { image: 'v2', replicas: 10, available: 8 }), { 'web-old': 0 });
});

test('old pods that are not available go first', () => {
  const broken = makeSet('broken', { image: 'v0', replicas: 3, available: 0, age: 300 });
  const old = makeSet('old', { image: 'v1', replicas: 10, age: 200 });
  const fresh = makeSet('new', { image: 'v2', replicas: 0, revision: 3 });
  assert.deepEqual(sizes(decide(observe(makeDeployment(), [broken, old, fresh]))), { 'web-broken': 0, 'web-old': 8 });
});

test('going back to an older template makes its set the newest again, with its history', () => {
  const back = makeSet('back', { image: 'v2', replicas: 0, revision: 1, age: 300 });
  const bad = makeSet('bad', { image: 'v3', replicas: 10, available: 8, revision: 2 });
  const actions = decide(observe(makeDeployment(), [back, bad]));
  assertGolden('controllers/deployment-undo', actions);
});

test('scaling in the middle of a rollout gives every set its share', () => {
  const deployment = makeDeployment({
    replicas: 30,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
  });
  const old = makeSet('old', { image: 'v1', replicas: 8 });
  const fresh = makeSet('new', { image: 'v2', replicas: 5, available: 0, revision: 2, age: 10 });
  assert.deepEqual(sizes(decide(observe(deployment, [old, fresh]))), { 'web-old': 20, 'web-new': 13 });
});

test('scaling a deployment that stands scales its one set', () => {
  const set = makeSet('new', { image: 'v2', replicas: 10 });
  assert.deepEqual(sizes(decide(observe(makeDeployment({ replicas: 4 }), [set]))), { 'web-new': 4 });
  assert.deepEqual(sizes(decide(observe(makeDeployment({ replicas: 0 }), [set]))), { 'web-new': 0 });
});

test('a paused deployment scales but rolls nothing out, and says so', () => {
  const old = makeSet('old', { image: 'v1', replicas: 10 });
  const actions = decide(observe(makeDeployment({ paused: true, replicas: 12 }), [old]));
  assert.deepEqual(sizes(actions), { 'web-old': 12 });
  assert.deepEqual([progressing(actions)?.status, progressing(actions)?.reason], ['Unknown', 'DeploymentPaused']);
});

test('Recreate waits until every old pod is gone', () => {
  const deployment = makeDeployment({ strategy: { type: 'Recreate' } });
  const old = makeSet('old', { image: 'v1', replicas: 10 });
  assert.deepEqual(sizes(decide(observe(deployment, [old]))), { 'web-old': 0 });
  const emptied = makeSet('old', { image: 'v1', replicas: 0 });
  const last = makePod('last', { owner: { kind: 'ReplicaSet', name: 'web-old', uid: 'uid-old' }, deleting: true });
  assert.deepEqual(sizes(decide(observe(deployment, [emptied], { pods: [last] }))), {});
  assert.deepEqual(Object.values(sizes(decide(observe(deployment, [emptied])))), [10]);
});

const withTwoOfTen = (reason: string, seconds: number): Action[] => {
  const lastUpdateTime = at(-seconds);
  const standing = { type: 'Progressing', status: 'True', reason, lastUpdateTime } as const;
  const fresh = makeSet('new', { image: 'v2', replicas: 10, available: 2, revision: 1 });
  const status: DeploymentStatus = {
    observedGeneration: 3,
    replicas: 10,
    updatedReplicas: 10,
    readyReplicas: 2,
    availableReplicas: 2,
    unavailableReplicas: 8,
    conditions: [standing, { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' }],
  };
  return decide(observe(makeDeployment({}, status, { 'deployment.kubernetes.io/revision': '1' }), [fresh]));
};

test('a rollout without progress runs into its deadline, and is looked at when that is due', () => {
  assert.deepEqual(withTwoOfTen('ReplicaSetUpdated', 100), [{ do: 'requeue', afterMs: 501_000 }]);
  const late = progressing(withTwoOfTen('ReplicaSetUpdated', 601));
  assert.deepEqual(
    [late?.status, late?.reason, late?.message],
    ['False', 'ProgressDeadlineExceeded', 'ReplicaSet "web-new" has timed out progressing.'],
  );
});

test('pods that are lost after the rollout has ended run into no deadline, and nobody waits for one', () => {
  for (const seconds of [100, 601]) assert.deepEqual(withTwoOfTen('NewReplicaSetAvailable', seconds), []);
});

test('a finished rollout says so and cuts its history', () => {
  const old = [1, 2, 3].map((revision) => makeSet(`old${revision}`, { image: `o${revision}`, replicas: 0, revision }));
  const fresh = makeSet('new', { image: 'v2', replicas: 10, revision: 4 });
  const standing = { observedGeneration: 3, replicas: 10, updatedReplicas: 10, availableReplicas: 10 };
  const actions = decide(observe(makeDeployment({ revisionHistoryLimit: 1 }, standing), [...old, fresh]));
  assert.deepEqual(
    actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : [])),
    ['web-old1', 'web-old2'],
  );
  assert.equal(progressing(actions)?.message, 'ReplicaSet "web-new" has successfully progressed.');
});

test('a hash that another template has is counted on', () => {
  const deployment = makeDeployment();
  const foreign = makeSet('x', { image: 'other', replicas: 1 });
  foreign.metadata.ownerReferences = [];
  const actions = decide(observe(deployment, [], { standingAtNewName: foreign }));
  assert.equal(statusOf(actions).collisionCount, 1);
  assert.notEqual(templateHash({ ...deployment, status: { collisionCount: 1 } }), templateHash(deployment));
});

test('the hash follows from the template alone, whatever the order of its fields', () => {
  const a = makeDeployment();
  const b = makeDeployment({ template: { spec: { containers: [{ image: 'v2', name: 'c' }] }, metadata: { labels } } });
  assert.equal(newSetName(a), newSetName(b));
});

test('a set that cannot be created is told', () => {
  const observed = observe(makeDeployment());
  const [create] = decide(observed);
  const error = new StatusError('Forbidden', 'replicasets.apps is forbidden: exceeded quota: q');
  assertGolden(
    'controllers/deployment-create-refused',
    failedDeployment(observed, [{ action: create!, error }], nowMs),
  );
});

test('a deployment that selects all pods is refused', () => {
  assertGolden('controllers/deployment-selects-all', decide(observe(makeDeployment({ selector: {} }))));
});
