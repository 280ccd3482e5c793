// How many pods may be disrupted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../test/golden-file.ts';
import type { PodDisruptionBudgetSpec, PodDisruptionBudgetStatus } from '../api/types.gen.ts';
import { decideBudget, type ObservedBudget } from './disruption.ts';
import { at, makePod, nowMs } from './fixture/objects.ts';

const pods = [
  makePod('a', { readyFor: 9 }),
  makePod('b', { readyFor: 9 }),
  makePod('c', { readyFor: 9 }),
  makePod('d'),
];

const observe = (spec: PodDisruptionBudgetSpec, more: Partial<ObservedBudget> = {}): ObservedBudget => ({
  budget: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'pdb', namespace: 'default', uid: 'uid-pdb', resourceVersion: '2', generation: 1 },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  },
  pods,
  scale: 5,
  unmanaged: [],
  ...more,
});

const statusOf = (observed: ObservedBudget): PodDisruptionBudgetStatus | undefined =>
  decideBudget(observed, nowMs).flatMap((action) =>
    action.do === 'update' ? [action.object['status'] as PodDisruptionBudgetStatus] : [],
  )[0];

test('what is healthy beyond what must be may be disrupted', () => {
  const allowed = (spec: PodDisruptionBudgetSpec): unknown[] => {
    const { expectedPods, desiredHealthy, disruptionsAllowed } = statusOf(observe(spec)) ?? {};
    return [expectedPods, desiredHealthy, disruptionsAllowed];
  };
  assert.deepEqual(allowed({ minAvailable: 2 }), [4, 2, 1]);
  assert.deepEqual(allowed({ minAvailable: '50%' }), [5, 3, 0]);
  assert.deepEqual(allowed({ maxUnavailable: 3 }), [5, 2, 1]);
  assert.deepEqual(allowed({ maxUnavailable: '30%' }), [5, 3, 0]);
  assertGolden('controllers/disruption', decideBudget(observe({ minAvailable: 2 }), nowMs));
});

test('an eviction under way counts as a disruption, until it came to nothing', () => {
  const observed = observe({ minAvailable: 1 });
  const noted = (seconds: number): PodDisruptionBudgetStatus | undefined => {
    const status = { ...statusOf(observed)!, disruptedPods: { a: at(-seconds), gone: at(-1) } };
    return statusOf({ ...observed, budget: { ...observed.budget, status } });
  };
  assert.deepEqual([noted(10)?.disruptionsAllowed, noted(10)?.disruptedPods], [1, { a: at(-10) }]);
  assert.deepEqual([noted(130)?.disruptionsAllowed, noted(130)?.disruptedPods], [2, {}]);
});

test('a status that is right is not written again', () => {
  const observed = observe({ minAvailable: 2 });
  const budget = { ...observed.budget, status: statusOf(observed) };
  assert.deepEqual(decideBudget({ ...observed, budget }, nowMs), []);
});

test('when the scale cannot be told nothing may be disrupted', () => {
  const status = statusOf(observe({ maxUnavailable: 1 }, { trouble: 'found no controllers for pod "a"' }));
  assert.deepEqual([status?.disruptionsAllowed, status?.conditions?.[0]?.reason], [0, 'SyncFailed']);
});
