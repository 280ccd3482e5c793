// As many pods as asked for, and which of them go first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { StatusError } from '../../api/errors.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { at, makePod, nowMs, type PodLike } from '../fixture/objects.ts';
import { decideReplicaSet, failedReplicaSet } from './decide.ts';
import type { Flavour, ObservedReplicaSet, StoredReplicaSet } from './model.ts';
import { freePodNames } from './pod-names.ts';

const flavour: Flavour = {
  name: 'replica-set',
  component: 'replicaset-controller',
  of: resources.replicaSets,
  group: 'apps',
  kind: 'ReplicaSet',
  selectorOf: () => undefined,
  countsTerminating: true,
};
const labels = { app: 'web' };
const selector = { matchLabels: labels };

function makeSet(replicas: number, more: Partial<StoredReplicaSet> = {}): StoredReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default', uid: 'uid-web', resourceVersion: '5', generation: 2 },
    spec: {
      replicas,
      selector,
      template: {
        metadata: { labels, annotations: { note: 'x' } },
        spec: { containers: [{ name: 'c', image: 'v1' }] },
      },
    },
    status: { replicas: 0, observedGeneration: 1 },
    ...more,
  };
}

const owner = { kind: 'ReplicaSet', name: 'web', uid: 'uid-web' };
const own = (name: string, like: PodLike = {}) => makePod(name, { labels, owner, ...like });

function observe(
  set: StoredReplicaSet,
  pods: ObservedReplicaSet['pods'],
  more: Partial<ObservedReplicaSet> = {},
): ObservedReplicaSet {
  return { owner: set, selector, pods, podsOnNode: {}, freeNames: ['web-aaaaa', 'web-bbbbb', 'web-ccccc'], ...more };
}

const decide = (observed: ObservedReplicaSet): Action[] => decideReplicaSet(flavour)(observed, nowMs);
const deleted = (actions: Action[]): string[] =>
  actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : []));

test('too few pods: as many are made as are missing, then the status counts them', () => {
  assertGolden('controllers/replica-set-scale-up', decide(observe(makeSet(3), [own('a', { readyFor: 10 })])));
});

test('a pod with matching labels and no owner is adopted, one that matches no longer is released', () => {
  const free = makePod('free', { labels, readyFor: 5 });
  const strange = own('strange', { labels: { app: 'db' } });
  assertGolden('controllers/replica-set-claim', decide(observe(makeSet(1), [free, strange])));
});

test('a set that is being deleted neither makes nor adopts pods', () => {
  const set = makeSet(3);
  set.metadata.deletionTimestamp = at(0);
  const actions = decide(observe(set, [makePod('free', { labels })]));
  assert.deepEqual(
    actions.map((action) => action.do),
    ['update'],
  );
});

test('finished and terminating pods do not count, and are replaced', () => {
  const pods = [
    own('done', { phase: 'Succeeded' }),
    own('going', { deleting: true, node: 'n' }),
    own('up', { readyFor: 5 }),
  ];
  const actions = decide(observe(makeSet(2), pods, { freeNames: ['web-new'] }));
  assert.deepEqual(
    actions.flatMap((action) => (action.do === 'create' ? [action.object.metadata.name] : [])),
    ['web-new'],
  );
  const status = actions.flatMap((action) => (action.do === 'update' ? [action.object['status']] : []))[0];
  assert.deepEqual(status, {
    replicas: 2,
    fullyLabeledReplicas: 2,
    readyReplicas: 1,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 2,
  });
});

test('the order of giving up pods is that of Kubernetes', () => {
  const cost = (value: string) => ({ 'controller.kubernetes.io/pod-deletion-cost': value });
  const stages: [gone: string, pods: ReturnType<typeof own>[]][] = [
    ['unassigned', [own('assigned', { node: 'n', phase: 'Pending' }), own('unassigned', { phase: 'Pending' })]],
    ['pending', [own('running', { node: 'n', readyFor: 9 }), own('pending', { node: 'n', phase: 'Pending' })]],
    ['unready', [own('ready', { node: 'n', readyFor: 9 }), own('unready', { node: 'n' })]],
    [
      'cheap',
      [own('dear', { node: 'n', readyFor: 9, annotations: cost('10') }), own('cheap', { node: 'n', readyFor: 9 })],
    ],
    ['crowded', [own('alone', { node: 'm', readyFor: 9 }), own('crowded', { node: 'n', readyFor: 9 })]],
    ['fresh', [own('old', { node: 'n', readyFor: 900 }), own('fresh', { node: 'n', readyFor: 9 })]],
    ['failing', [own('calm', { node: 'n' }), own('failing', { node: 'n', restarts: 3 })]],
    ['young', [own('aged', { node: 'n', age: 9_000 }), own('young', { node: 'n', age: 9 })]],
  ];
  for (const [gone, pods] of stages) {
    assert.deepEqual(deleted(decide(observe(makeSet(1), pods, { podsOnNode: { n: 2, m: 1 } }))), [gone]);
  }
});

test('a pod is available once it has been ready for minReadySeconds, and the set looks again then', () => {
  const set = makeSet(2);
  set.spec!.minReadySeconds = 30;
  const actions = decide(observe(set, [own('a', { readyFor: 40 }), own('b', { readyFor: 12 })]));
  assert.deepEqual(actions.at(-1), { do: 'requeue', afterMs: 18_000 });
  assert.equal(
    (actions[0] as unknown as { object: { status: { availableReplicas: number } } }).object.status.availableReplicas,
    1,
  );
});

test('a refused create is told in an event and in the condition, which goes with the first success', () => {
  const observed = observe(makeSet(2), []);
  const [create] = decide(observed);
  const error = new StatusError('Forbidden', 'pods "web-aaaaa" is forbidden: exceeded quota: q');
  const told = failedReplicaSet(flavour)(observed, [{ action: create!, error }], nowMs);
  assertGolden('controllers/replica-set-failure', told);
  const failing = makeSet(0, {
    status: { replicas: 0, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' }] },
  });
  const status = decide(observe(failing, [])).flatMap((action) =>
    action.do === 'update' ? [action.object['status']] : [],
  )[0];
  assert.equal((status as { conditions?: unknown }).conditions, undefined);
});

test('a status that says what is needs no write', () => {
  const set = makeSet(1, {
    status: {
      replicas: 1,
      fullyLabeledReplicas: 1,
      readyReplicas: 1,
      availableReplicas: 1,
      terminatingReplicas: 0,
      observedGeneration: 2,
    },
  });
  assert.deepEqual(decide(observe(set, [own('a', { readyFor: 10 })])), []);
});

test('names of new pods follow from the revision, so that two who see the same name the same', () => {
  const set = makeSet(3);
  const names = freePodNames(set, 3, () => false);
  assert.equal(new Set(names).size, 3);
  assert.deepEqual(
    freePodNames(set, 2, (name) => name === names[0]),
    names.slice(1),
  );
  set.metadata.resourceVersion = '6';
  assert.notDeepEqual(
    freePodNames(set, 3, () => false),
    names,
  );
  assert.match(names[0] ?? '', /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});
