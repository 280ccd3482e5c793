// How many pods may be disrupted now, by pod disruption budget: what evictions are granted from.
// Follows https://kubernetes.io/docs/tasks/run-application/configure-pdb/
import { sameValue } from '../api/kinds/findings.ts';
import { keyOf, type ObjectKey, type Stored } from '../api/objects.ts';
import { formatSelector, labelSelectorMatches, labelSelectorRequirements } from '../api/selectors.ts';
import type { Condition, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../api/types.gen.ts';
import type { Client } from '../client/client.ts';
import { resources } from '../client/resources.ts';
import { type Clock, timestamp } from '../ports.ts';
import type { Action, Cache, Controller } from './controller.ts';
import { type Find, observeScale, type Scales } from './disruption-scale.ts';
import { findFresh, getFresh } from './fresh.ts';
import { asObject, isDeleting } from './owner.ts';
import { isReady, type StoredPod } from './pod-state.ts';

type StoredBudget = Stored<PodDisruptionBudget>;

export interface ObservedBudget extends Scales {
  budget: StoredBudget;
  pods: readonly StoredPod[];
}

/** A pod that an eviction has counted but that nobody deleted counts as disrupted for this long. */
const DELETION_TIMEOUT_MS = 120_000;

const share = (value: number | string, total: number): number =>
  typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * total) / 100);

function counts({ budget, pods, scale }: ObservedBudget): { expectedPods: number; desiredHealthy: number } {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined) {
    return { expectedPods: scale, desiredHealthy: Math.max(0, scale - share(maxUnavailable, scale)) };
  }
  if (typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable };
  if (minAvailable !== undefined) return { expectedPods: scale, desiredHealthy: share(minAvailable, scale) };
  return { expectedPods: 0, desiredHealthy: 0 };
}

function conditionFor(budget: StoredBudget, reason: string, message: string, nowMs: number): Condition[] {
  const type = 'DisruptionAllowed';
  const status = reason === 'SufficientPods' ? 'True' : 'False';
  const standing = (budget.status?.conditions ?? []).filter((condition) => condition.type !== type);
  const before = budget.status?.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(nowMs);
  const observedGeneration = budget.metadata.generation;
  return [...standing, { type, status, reason, message, lastTransitionTime, observedGeneration }];
}

/** Evictions that are under way; those that came to nothing are forgotten in time. */
function disruptedPods({ budget, pods }: ObservedBudget, nowMs: number): Record<string, string> {
  const noted = budget.status?.disruptedPods ?? {};
  const still = pods.flatMap((pod): [string, string][] => {
    const since = noted[pod.metadata.name];
    const isPending = since !== undefined && !isDeleting(pod) && Date.parse(since) + DELETION_TIMEOUT_MS > nowMs;
    return isPending ? [[pod.metadata.name, since]] : [];
  });
  return Object.fromEntries(still);
}

function write(budget: StoredBudget, status: PodDisruptionBudgetStatus): Action[] {
  const { status: standing } = budget;
  const same = sameValue({ disruptedPods: {}, ...standing }, { ...standing, ...status });
  if (same && standing) return [];
  const object = asObject({ ...budget, status });
  return [{ do: 'update', of: resources.podDisruptionBudgets, object, subresource: 'status' }];
}

function tell(observed: ObservedBudget): Action[] {
  const { budget, pods, unmanaged, trouble } = observed;
  const about = asObject(budget);
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): Action[] => [
    { do: 'event', about, type, reason, message },
  ];
  if (pods.length === 0) return event('Normal', 'NoPods', 'No matching pods found');
  if (trouble !== undefined) {
    const message = `Failed to calculate the number of expected pods: ${trouble}`;
    return event('Warning', 'CalculateExpectedPodCountFailed', message);
  }
  if (unmanaged.length === 0) return [];
  const selector = formatSelector(labelSelectorRequirements(budget.spec?.selector) ?? []);
  const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) have no controller: the share that may be disrupted cannot be told. Set ".spec.minAvailable" to an integer to account for them.`;
  return event('Warning', 'UnmanagedPods', message);
}

export function decideBudget(observed: ObservedBudget, nowMs: number): Action[] {
  const { budget, pods, trouble } = observed;
  if (trouble !== undefined) {
    const conditions = conditionFor(budget, 'SyncFailed', trouble, nowMs);
    const standing = budget.status ?? { currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, disruptionsAllowed: 0 };
    return [...write(budget, { ...standing, disruptionsAllowed: 0, conditions }), ...tell(observed)];
  }
  const { expectedPods, desiredHealthy } = counts(observed);
  const disrupted = disruptedPods(observed, nowMs);
  const currentHealthy = pods.filter(
    (pod) => !isDeleting(pod) && isReady(pod) && disrupted[pod.metadata.name] === undefined,
  ).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const reason = disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods';
  const status: PodDisruptionBudgetStatus = {
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed,
    disruptedPods: disrupted,
    observedGeneration: budget.metadata.generation,
    conditions: conditionFor(budget, reason, '', nowMs),
  };
  const written = write(budget, status);
  const nextMs = Math.min(...Object.values(disrupted).map((since) => Date.parse(since) + DELETION_TIMEOUT_MS - nowMs));
  return [
    ...written,
    ...(written.length > 0 ? tell(observed) : []),
    ...(Number.isFinite(nextMs) ? [{ do: 'requeue', afterMs: nextMs } as const] : []),
  ];
}

/** Evictions that the status notes of pods that are not to be seen: gone, or not in the cache yet. */
function hasUnseen({ budget, pods }: ObservedBudget): boolean {
  const seen = new Set(pods.map(({ metadata }) => metadata.name));
  return Object.keys(budget.status?.disruptedPods ?? {}).some((name) => !seen.has(name));
}

/**
 * Whether more evictions would be granted than the status grants now, or one that is under way forgotten. A cache that does not
 * show yet that a pod is going would grant one too many; to grant less harms nobody.
 */
function grantsMore(observed: ObservedBudget, nowMs: number): boolean {
  if (hasUnseen(observed)) return true;
  const standing = observed.budget.status?.disruptionsAllowed ?? 0;
  return decideBudget(observed, nowMs).some((action) => {
    if (action.do !== 'update') return false;
    const { status } = action.object as unknown as StoredBudget;
    return (status?.disruptionsAllowed ?? 0) > standing;
  });
}

/** A budget with an integer of pods to keep needs no scale: pods with any controller, or none, count. */
const needsScale = ({ spec }: PodDisruptionBudget): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

async function gather(budget: StoredBudget, all: readonly StoredPod[], find: Find): Promise<ObservedBudget> {
  const pods = all.filter((pod) => labelSelectorMatches(budget.spec?.selector, pod.metadata.labels));
  return { budget, pods, ...(needsScale(budget) ? await observeScale(pods, find) : { scale: 0, unmanaged: [] }) };
}

/** By the cache; by the API when more would be granted. The status is written over the version that was read before the pods. */
async function observe(
  key: ObjectKey,
  cache: Cache,
  client: Client,
  nowMs: number,
): Promise<ObservedBudget | undefined> {
  const budget = cache.get(resources.podDisruptionBudgets, key) as unknown as StoredBudget | undefined;
  if (!budget) return undefined;
  const { namespace } = key;
  const cached = await gather(
    budget,
    cache.list(resources.pods, namespace) as unknown as readonly StoredPod[],
    (of, name) => cache.get(of, name),
  );
  if (!grantsMore(cached, nowMs)) return cached;
  const fresh = await getFresh(client, resources.podDisruptionBudgets, budget);
  if (!fresh) return undefined;
  const labelSelector = formatSelector(labelSelectorRequirements(fresh.spec?.selector) ?? []);
  const { items } = await client.list(resources.pods, { namespace, labelSelector });
  return await gather(fresh, items as unknown as readonly StoredPod[], (of, name) => findFresh(client, of, name));
}

export const disruptionController = (clock: Clock): Controller<ObservedBudget> => ({
  name: 'disruption',
  component: 'controllermanager',
  watches: [
    resources.podDisruptionBudgets,
    resources.pods,
    resources.deployments,
    resources.replicaSets,
    resources.replicationControllers,
    resources.statefulSets,
  ],
  keysFor(of, object, previous, cache) {
    if (of === resources.podDisruptionBudgets) return [keyOf(object)];
    const budgets = cache.list(resources.podDisruptionBudgets, object.metadata.namespace);
    if (budgets.length === 0) return [];
    // A change of scale concerns all budgets of the namespace; there are few.
    if (of !== resources.pods) return budgets.map(keyOf);
    const states = previous ? [object, previous] : [object];
    return budgets
      .filter((budget) =>
        states.some(({ metadata }) =>
          labelSelectorMatches((budget as unknown as PodDisruptionBudget).spec?.selector, metadata.labels),
        ),
      )
      .map(keyOf);
  },
  observe: (key, cache, client) => observe(key, cache, client, clock.now()),
  decide: decideBudget,
  resyncMs: 600_000,
});
