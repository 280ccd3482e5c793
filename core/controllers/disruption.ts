// How many pods may be disrupted now, by pod disruption budget: what evictions are granted from.
// Follows https://kubernetes.io/docs/tasks/run-application/configure-pdb/
import { sameValue } from '../api/kinds/findings.ts';
import { type KubeObject, keyOf, type Stored } from '../api/objects.ts';
import { controllerOf, refersTo } from '../api/owners.ts';
import { formatSelector, labelSelectorMatches, labelSelectorRequirements } from '../api/selectors.ts';
import type { Condition, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../api/types.gen.ts';
import { resources } from '../client/resources.ts';
import { timestamp } from '../ports.ts';
import type { Action, Cache, Controller } from './controller.ts';
import { asObject, isDeleting } from './owner.ts';
import { isReady, type StoredPod } from './pod-state.ts';

export interface ObservedBudget {
  budget: Stored<PodDisruptionBudget>;
  pods: readonly StoredPod[];
  /** The replicas that the pods' controllers ask for, in all. */
  scale: number;
  /** Pods without a controller: a share of them cannot be told. */
  unmanaged: readonly string[];
  /** Why the scale cannot be told. */
  trouble?: string;
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

function conditionFor(
  budget: Stored<PodDisruptionBudget>,
  reason: string,
  message: string,
  nowMs: number,
): Condition[] {
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

function write(budget: Stored<PodDisruptionBudget>, status: PodDisruptionBudgetStatus): Action[] {
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

interface Scaled {
  spec?: { replicas?: number };
}

/** Who decides the number of a pod's kind, and which: the deployment, not its replica sets. */
function scaleOf(pod: StoredPod, cache: Cache): { uid: string; replicas: number } | undefined {
  const owner = controllerOf(pod);
  if (!owner) return undefined;
  const namespace = pod.metadata.namespace ?? '';
  const find = (of: (typeof resources)['pods'], name: string, uid: string): KubeObject | undefined => {
    const found = cache.get(of, { namespace, name });
    return found?.metadata.uid === uid ? found : undefined;
  };
  const byKind = { ReplicaSet: resources.replicaSets, StatefulSet: resources.statefulSets } as const;
  const of = refersTo(owner, '', 'ReplicationController')
    ? resources.replicationControllers
    : owner.apiVersion.startsWith('apps/')
      ? byKind[owner.kind as keyof typeof byKind]
      : undefined;
  const controller = of && find(of, owner.name, owner.uid);
  if (!controller) return undefined;
  const above = controllerOf(controller);
  const deployment =
    above && refersTo(above, 'apps', 'Deployment') && find(resources.deployments, above.name, above.uid);
  const scaled = deployment || controller;
  return { uid: scaled.metadata.uid ?? '', replicas: (scaled as unknown as Scaled).spec?.replicas ?? 1 };
}

function observeScale(
  pods: readonly StoredPod[],
  cache: Cache,
): Pick<ObservedBudget, 'scale' | 'unmanaged' | 'trouble'> {
  const scales = new Map<string, number>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    if (!controllerOf(pod)) {
      unmanaged.push(pod.metadata.name);
      continue;
    }
    const scale = scaleOf(pod, cache);
    if (!scale) return { scale: 0, unmanaged, trouble: `found no controllers for pod "${pod.metadata.name}"` };
    scales.set(scale.uid, scale.replicas);
  }
  return { scale: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
}

/** A budget with an integer of pods to keep needs no scale: pods with any controller, or none, count. */
const needsScale = ({ spec }: PodDisruptionBudget): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

export const disruptionController: Controller<ObservedBudget> = {
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
  observe(key, cache) {
    const budget = cache.get(resources.podDisruptionBudgets, key) as unknown as Stored<PodDisruptionBudget> | undefined;
    if (!budget) return undefined;
    const all = cache.list(resources.pods, key.namespace) as unknown as readonly StoredPod[];
    const pods = all.filter((pod) => labelSelectorMatches(budget.spec?.selector, pod.metadata.labels));
    return { budget, pods, ...(needsScale(budget) ? observeScale(pods, cache) : { scale: 0, unmanaged: [] }) };
  },
  decide: decideBudget,
  resyncMs: 600_000,
};
