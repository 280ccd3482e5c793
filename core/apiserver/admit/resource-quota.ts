// A write that would use more than its namespace's quotas allow is refused; one that fits is counted before it happens, by a
// compare-and-set on each quota's status, so that two writers never share the last of it. What a failed write had counted is
// given back. Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/

import { StatusError } from '../../api/errors.ts';
import { trackUpdate } from '../../api/managed-fields.ts';
import type { KubeObject } from '../../api/objects.ts';
import {
  type Amounts,
  addAmounts,
  describeAmounts,
  exceeding,
  formatAmounts,
  negativeNames,
  only,
  parseAmounts,
  subtractAmounts,
  withoutZeros,
} from '../../api/quota/amounts.ts';
import { type Evaluator, evaluatorFor } from '../../api/quota/evaluators.ts';
import { quotaCounts } from '../../api/quota/usage.ts';
import type { ResourceQuota } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import type { Store, StoredObject } from '../../store/store.ts';
import type { AdmissionPlugin, AdmissionRequest, Release } from '../server.ts';
import { type AdmissionDeps, refusal, resourceOf } from './request.ts';

const quotas = 'resourcequotas';
/** Events come and go by themselves, and a quota must not hide what goes wrong. */
const ignored = new Set(['events', 'events.events.k8s.io']);
/** Each lost race is another writer's success, so a writer that loses this often is one of very many. */
const maxAttempts = 50;

export const resourceQuota = (deps: AdmissionDeps): AdmissionPlugin => ({
  name: 'ResourceQuota',
  async validate(request) {
    const { namespace, operation, subresource, object, old, dryRun } = request;
    const resource = resourceOf(request);
    if (!namespace || !object || ignored.has(resource)) return undefined;
    const evaluator = evaluatorFor(resource);
    if (!evaluator.handles(operation, subresource, object, old)) return undefined;
    const view = await deps.lister.view(quotas);
    const standing = view.entries(namespace);
    if (standing.length === 0) return undefined;
    const nowMs = deps.clock.now();
    const reserved: Reservation[] = [];
    const release = (): Promise<void> => giveBack(deps.store, reserved, deps.clock.now());
    try {
      for (const quota of standing) {
        const reservation = await reserve(deps.store, request, evaluator, quota, nowMs, dryRun);
        if (reservation) reserved.push(reservation);
      }
    } catch (error) {
      await release();
      throw error;
    }
    return reserved.length > 0 ? (release satisfies Release) : undefined;
  },
});

interface Reservation {
  name: string;
  namespace: string;
  delta: Amounts;
}

async function reserve(
  store: Store,
  request: AdmissionRequest,
  evaluator: Evaluator,
  first: StoredObject,
  nowMs: number,
  dryRun: boolean,
): Promise<Reservation | undefined> {
  const { namespace = '', name = '' } = first.object.metadata;
  let current: StoredObject | undefined = first;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (!current) return undefined;
    const quota = current.object as ResourceQuota;
    const delta = check(request, evaluator, quota, nowMs);
    if (!delta || dryRun) return undefined;
    const used = addAmounts(parseAmounts(quota.status?.used), delta);
    const result = await store.commit({
      op: 'put',
      resource: quotas,
      key: { namespace, name },
      object: withUsed(current.object, used, nowMs),
      expected: current.revision,
    });
    if (result.ok) return { name, namespace, delta };
    current = result.current;
  }
  throw new StatusError('Conflict', `quota ${name} is written by too many at once; please try again`);
}

/** A write of the server's own to the status, and marked as such. */
function withUsed(object: KubeObject, used: Amounts, nowMs: number): KubeObject {
  const changed: KubeObject = {
    ...object,
    metadata: { ...object.metadata },
    status: { ...(object as ResourceQuota).status, used: formatAmounts(used) },
  };
  const by = { manager: 'kube-apiserver', apiVersion: 'v1', time: timestamp(nowMs), subresource: 'status' };
  trackUpdate('io.k8s.api.core.v1.ResourceQuota', object, changed, by);
  return changed;
}

/** How much this write adds to the quota; undefined for nothing. Throws Forbidden when it does not fit. */
function check(
  request: AdmissionRequest,
  evaluator: Evaluator,
  quota: ResourceQuota,
  nowMs: number,
): Amounts | undefined {
  const object = request.object as KubeObject;
  const resource = resourceOf(request);
  const name = quota.metadata?.name ?? '';
  const hard = parseAmounts(quota.status?.hard);
  const names = evaluator.matching([...hard.keys()]);
  if (names.length === 0 || !quotaCounts(quota, resource, object)) return undefined;
  const constraint = evaluator.constraint?.(names, object);
  if (constraint) throw refusal(request, `failed quota: ${name}: ${constraint}`);
  const used = parseAmounts(quota.status?.used);
  if (names.some((each) => !used.has(each))) {
    throw refusal(request, `status unknown for quota: ${name}, resources: ${names.sort().join(',')}`);
  }
  const usage = evaluator.usage(object, nowMs);
  const negative = negativeNames(usage);
  if (negative.length > 0) {
    throw refusal(request, `quota usage is negative for resource(s): ${negative.sort().join(',')}`);
  }
  const counted = request.operation === 'UPDATE' && request.old && quotaCounts(quota, resource, request.old);
  const more = counted && request.old ? subtractAmounts(usage, evaluator.usage(request.old, nowMs)) : usage;
  const delta = only(withoutZeros(more), hard.keys());
  if (delta.size === 0) return undefined;
  const exceeded = exceeding(only(addAmounts(used, delta), delta.keys()), hard);
  if (exceeded.length > 0 && request.subresource !== 'status') {
    const shown = (amounts: Amounts): string => describeAmounts(only(amounts, exceeded));
    throw refusal(
      request,
      `exceeded quota: ${name}, requested: ${shown(delta)}, used: ${shown(used)}, limited: ${shown(hard)}`,
    );
  }
  return delta;
}

/**
 * Takes back what was counted. The quota controller lowers a count only after the quota has rested for longer than a write
 * takes (core/controllers/resource-quota.ts), so what is taken back here is still in it.
 */
async function giveBack(store: Store, reserved: readonly Reservation[], nowMs: number): Promise<void> {
  for (const { namespace, name, delta } of reserved) {
    const key = { namespace, name };
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const current = await store.get(quotas, key);
      if (!current) break;
      const now = parseAmounts((current.object as ResourceQuota).status?.used);
      const object = withUsed(current.object, subtractAmounts(now, delta), nowMs);
      const result = await store.commit({ op: 'put', resource: quotas, key, object, expected: current.revision });
      if (result.ok) break;
    }
  }
}
