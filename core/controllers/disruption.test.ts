// How many pods may be disrupted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../test/golden-file.ts';
import type { KubeObject } from '../api/objects.ts';
import type { PodDisruptionBudgetSpec, PodDisruptionBudgetStatus } from '../api/types.gen.ts';
import { FakeApi } from '../client/fixture/fake-api.ts';
import { manualPorts } from '../client/fixture/manual-ports.ts';
import { resources } from '../client/resources.ts';
import type { Cache } from './controller.ts';
import { decideBudget, disruptionController, type ObservedBudget } from './disruption.ts';
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

/** A budget that keeps two of three pods, and a cache that is behind by an eviction: one pod went, and is not counted any more. */
function behind(change: (api: FakeApi) => void, disruptedPods: Record<string, string> = {}) {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const namespace = 'default';
  const labels = { app: 'web' };
  const stand = (name: string): KubeObject =>
    api.create(resources.pods, makePod(name, { readyFor: 9, node: 'n', labels }) as unknown as KubeObject);
  const seen = ['a', 'b', 'c'].map(stand);
  const made = api.create(resources.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'pdb', namespace },
    spec: { selector: { matchLabels: labels }, minAvailable: 2 },
  });
  const status = { currentHealthy: 2, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 0, disruptedPods };
  const budget = api.update(resources.podDisruptionBudgets, { ...made, status }, 'status');
  change(api);
  const cache = { get: () => budget, list: () => seen } as unknown as Cache;
  const controller = disruptionController(ports.clock);
  return async (): Promise<PodDisruptionBudgetStatus[]> => {
    const observed = await controller.observe({ namespace, name: 'pdb' }, cache, api.client());
    return controller.decide(observed!, ports.clock.now()).flatMap((action) => {
      if (action.do !== 'update') return [];
      api.update(resources.podDisruptionBudgets, action.object, 'status');
      return [action.object['status'] as PodDisruptionBudgetStatus];
    });
  };
}

test('who does not see yet that a pod is going grants no eviction for it again', async () => {
  const act = behind((api) => api.delete(resources.pods, { namespace: 'default', name: 'a' }));
  assert.deepEqual(
    (await act()).map(({ disruptionsAllowed }) => disruptionsAllowed),
    [0],
  );
});

test('what is there again may be disrupted again', async () => {
  const act = behind(() => {});
  assert.deepEqual(
    (await act()).map(({ disruptionsAllowed }) => disruptionsAllowed),
    [1],
  );
});

test('an eviction of a pod that is not seen yet is not forgotten', async () => {
  const since = at(0);
  const act = behind(
    (api) => {
      const pod = makePod('d', { readyFor: 9, node: 'n', labels: { app: 'web' } });
      api.create(resources.pods, pod as unknown as KubeObject);
    },
    { d: since },
  );
  const [status] = await act();
  assert.deepEqual([status?.disruptionsAllowed, status?.disruptedPods], [1, { d: since }]);
});
