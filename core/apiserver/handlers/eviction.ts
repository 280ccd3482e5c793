// POST pods/NAME/eviction: a deletion that respects disruption budgets.
// Follows https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
import { badRequest, forbidden, isStatus, modifiedConflict, StatusError } from '../../api/errors.ts';
import { findKind } from '../../api/kinds/index.ts';
import { trackUpdate } from '../../api/managed-fields.ts';
import type { KubeObject } from '../../api/objects.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Condition, Eviction, Pod, PodCondition, PodDisruptionBudget } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { scopeOf, type WriteScope } from '../call.ts';
import { checkDeleteOptions, type DeleteOptions } from '../delete-options.ts';
import { maxWriteAttempts } from '../limits.ts';
import { writeOptions } from '../options.ts';
import type { HandlerContext, SubresourceHandler } from '../server.ts';
import { deleteObject } from '../verbs/delete.ts';
import { current } from '../verbs/get.ts';
import { success } from './status-success.ts';

const budgets = 'poddisruptionbudgets.policy';
const maxDisruptedPods = 2_000;
const retryAfterSeconds = 10;

function tooMany(cause: string, retryAfter?: number): StatusError {
  return new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: cause }],
    ...(retryAfter ? { retryAfterSeconds: retryAfter } : {}),
  });
}

/** A pod that does not serve (any more) takes nothing from a budget. */
const needsNoBudget = ({ status, metadata }: Pod): boolean =>
  ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '') || metadata?.deletionTimestamp !== undefined;

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

async function budgetsOf({ deps, info }: HandlerContext, pod: Pod): Promise<PodDisruptionBudget[]> {
  const { items } = await deps.store.list(budgets, { namespace: info.namespace });
  return items
    .map(({ object }) => object as unknown as PodDisruptionBudget)
    .filter((budget) => labelSelectorMatches(budget.spec?.selector, pod.metadata?.labels));
}

/** The budget's status with one disruption less. Throws TooManyRequests and Forbidden. */
function charged(budget: PodDisruptionBudget, podName: string, now: string): PodDisruptionBudget {
  const name = budget.metadata?.name ?? '';
  const status = budget.status;
  if ((status?.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, retryAfterSeconds);
  }
  const allowed = status?.disruptionsAllowed ?? 0;
  const of = { plural: 'poddisruptionbudgets', group: 'policy' };
  if (allowed < 0) throw forbidden(of, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > maxDisruptedPods) {
    throw forbidden(of, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (allowed === 0) throw tooMany(whyNone(budget));
  const left = allowed - 1;
  const disruptedPods = { ...status?.disruptedPods, [podName]: now };
  const conditions = left === 0 ? exhausted(budget, now) : status?.conditions;
  return {
    ...budget,
    status: { ...status!, disruptionsAllowed: left, disruptedPods, ...(conditions ? { conditions } : {}) },
  };
}

const disruptionAllowed = 'DisruptionAllowed';

function whyNone({ metadata, status }: PodDisruptionBudget): string {
  const { currentHealthy = 0, desiredHealthy = 0, conditions = [] } = status ?? {};
  const failed = conditions.find(({ type, reason }) => type === disruptionAllowed && reason === 'SyncFailed');
  const intro = `The disruption budget ${metadata?.name}`;
  if (failed?.status === 'False') {
    return `${intro} does not allow evicting pods currently because it failed sync: ${failed.message}`;
  }
  if (currentHealthy > desiredHealthy) return `${intro} does not allow evicting pods currently`;
  return `${intro} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}

/** The conditions of a budget that allows no further disruption, as its controller would write them later. */
function exhausted({ status }: PodDisruptionBudget, now: string): Condition[] {
  const standing = status?.conditions?.find(({ type }) => type === disruptionAllowed);
  const condition: Condition = {
    type: disruptionAllowed,
    status: 'False',
    observedGeneration: status?.observedGeneration ?? 0,
    lastTransitionTime: standing?.status === 'False' ? standing.lastTransitionTime : now,
    reason: 'InsufficientPods',
    message: '',
  };
  const conditions = status?.conditions ?? [];
  return standing ? conditions.map((each) => (each === standing ? condition : each)) : [...conditions, condition];
}

async function charge({ deps, info }: HandlerContext, budget: PodDisruptionBudget, dryRun: boolean): Promise<void> {
  const key = { namespace: info.namespace, name: budget.metadata?.name ?? '' };
  for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
    const stored = await deps.store.get(budgets, key);
    if (!stored) return;
    const now = timestamp(deps.clock.now());
    const object = charged(stored.object as PodDisruptionBudget, info.name, now) as KubeObject;
    if (dryRun) return;
    object.metadata = { ...object.metadata };
    const by = { manager: 'kube-apiserver', apiVersion: 'policy/v1', time: now, subresource: 'status' };
    trackUpdate('io.k8s.api.policy.v1.PodDisruptionBudget', stored.object, object, by);
    const result = await deps.store.commit({
      op: 'put',
      resource: budgets,
      key,
      object,
      expected: stored.revision,
    });
    if (result.ok) return;
  }
  throw modifiedConflict({ plural: 'poddisruptionbudgets', group: 'policy' }, key.name);
}

/** Marks the pod as disrupted, for those who count failures, then deletes it. */
async function markAndDelete(context: HandlerContext, scope: WriteScope, options: DeleteOptions): Promise<void> {
  const { deps, info } = context;
  const key = { namespace: info.namespace, name: info.name };
  let preconditions = options.preconditions;
  if (!options.dryRun) {
    const stored = await current({ deps, kind: scope.kind, info });
    const { uid, resourceVersion } = preconditions ?? {};
    const matches =
      (!uid || uid === stored.object.metadata.uid) && (!resourceVersion || resourceVersion === String(stored.revision));
    if (matches) {
      const object = disrupted(stored.object as Pod, timestamp(deps.clock.now()));
      const result = await deps.store.commit({ op: 'put', resource: 'pods', key, object, expected: stored.revision });
      if (!result.ok) throw modifiedConflict(scope.kind, info.name);
      if (resourceVersion) preconditions = { ...preconditions, resourceVersion: String(result.revision) };
    }
  }
  await deleteObject({ ...scope, subresource: '' }, key, { ...options, ...(preconditions ? { preconditions } : {}) });
}

function disrupted(pod: Pod, now: string): KubeObject {
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastProbeTime: null as never,
    lastTransitionTime: now,
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
  return { ...(pod as KubeObject), status: { ...pod.status, conditions: [...others, condition] } };
}

async function evict(context: HandlerContext, scope: WriteScope, options: DeleteOptions): Promise<void> {
  const { deps, info } = context;
  const stored = await current({ deps, kind: scope.kind, info });
  const pod = stored.object as Pod;
  const pinned = { ...options, preconditions: { ...options.preconditions, resourceVersion: String(stored.revision) } };
  if (needsNoBudget(pod)) {
    const ends =
      pod.status?.phase === 'Succeeded' ||
      pod.status?.phase === 'Failed' ||
      pod.metadata?.deletionTimestamp !== undefined;
    return await markAndDelete(context, scope, ends || options.preconditions?.resourceVersion ? options : pinned);
  }
  const [budget, ...more] = await budgetsOf(context, pod);
  if (more.length > 0) {
    throw new StatusError(
      'InternalError',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  if (!budget) return await markAndDelete(context, scope, options);
  if (!isReady(pod)) {
    const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
    const free =
      budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' ||
      (desiredHealthy > 0 && currentHealthy >= desiredHealthy);
    if (free) return await markAndDelete(context, scope, options.preconditions?.resourceVersion ? options : pinned);
  }
  await charge(context, budget, options.dryRun);
  await markAndDelete(context, scope, options);
}

const maxEvictionAttempts = 20;

export const evictionHandler: SubresourceHandler = {
  verbs: ['create'],
  discovery: { group: 'policy', version: 'v1', kind: 'Eviction' },
  async handle(context) {
    const { deps, info } = context;
    const body = (await context.readBody('io.k8s.api.policy.v1.Eviction')) as KubeObject & Eviction;
    if (body.metadata.name !== info.name) throw badRequest('name in URL does not match name in Eviction object');
    const query = writeOptions(new URL(context.request.url).searchParams, 'CreateOptions');
    const asked = checkDeleteOptions((body.deleteOptions ?? {}) as Parameters<typeof checkDeleteOptions>[0]);
    const options = { ...asked, dryRun: asked.dryRun || query.dryRun };
    const scope = { ...scopeOf(context, findKind('', 'v1', 'pods')!, query), dryRun: options.dryRun };
    const request = admissionRequest(scope, 'CREATE', body, undefined);
    await mutateAdmission(deps, request);
    const releases = await validateAdmission(deps, request);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          await evict(context, scope, options);
          return success(201);
        } catch (error) {
          // The pod changed under us: look again, unless the caller named a version.
          if (!isStatus(error, 'Conflict') || attempt >= maxEvictionAttempts || options.preconditions) throw error;
        }
      }
    } catch (error) {
      await releaseAll(deps, releases);
      throw error;
    }
  },
};
