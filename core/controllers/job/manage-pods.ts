// Which pods of a job are made and which are removed, with the delays that failures ask for.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy
import { resources } from '../../client/resources.ts';
import { asObject, isDeleting } from '../owner.ts';
import { givingUpOrder, type StoredPod } from '../pod-state.ts';
import type { Plan } from './plan.ts';
import { allFailures, finishedMs, indexOf, isIndexed, type NewPod, newPod, podName, waitsForFailure } from './pods.ts';

/** Pods made or removed in one round. */
const ROUND_LIMIT = 500;
const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_PER_INDEX_FIRST_MS = 1_000;
const BACKOFF_LIMIT_MS = 600_000;

function backoffMs(failures: number, firstMs: number, sinceMs: number, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, sinceMs + Math.min(firstMs * 2 ** (failures - 1), BACKOFF_LIMIT_MS) - nowMs);
}

function wantedActive({ job: { spec }, tally: { active, succeeded } }: Plan): number {
  const parallelism = spec?.parallelism ?? 1;
  if (spec?.completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(spec.completions - succeeded, parallelism));
}

/** Of an indexed job first what has no index of its own: one pod stays for each index that is open. */
function surplusPods(plan: Plan, count: number): StoredPod[] {
  const { active, succeededIndexes, failedIndexes } = plan.tally;
  const order = [...active].sort(givingUpOrder({}, plan.nowMs));
  if (!isIndexed(plan.job)) return order.slice(0, count);
  const kept = new Set<number>();
  const doubled: StoredPod[] = [];
  const single: StoredPod[] = [];
  for (const pod of order.reverse()) {
    const index = indexOf(pod);
    const open = index !== undefined && index < (plan.job.spec?.completions ?? 0) && !kept.has(index);
    if (open && !succeededIndexes.has(index) && !failedIndexes.has(index)) {
      kept.add(index);
      single.push(pod);
    } else doubled.push(pod);
  }
  const byIndex = single.sort((a, b) => (indexOf(b) ?? 0) - (indexOf(a) ?? 0));
  return [...doubled, ...byIndex].slice(0, Math.max(count, doubled.length));
}

/** Indexes to be filled, lowest first; those whose last pod failed wait for their delay. */
function openIndexes(plan: Plan, pods: readonly StoredPod[], count: number): number[] {
  const {
    job,
    nowMs,
    tally: { active, succeededIndexes, failedIndexes, lastFailed },
  } = plan;
  const replacesFailedOnly = job.spec?.podReplacementPolicy === 'Failed';
  const taken = new Set([...active, ...(replacesFailedOnly ? pods.filter(isDeleting) : [])].map(indexOf));
  const open: number[] = [];
  for (let index = 0; index < (job.spec?.completions ?? 0) && open.length < count; index++) {
    if (taken.has(index) || succeededIndexes.has(index) || failedIndexes.has(index)) continue;
    const failed = lastFailed.get(index);
    const waitMs = failed ? backoffMs(allFailures(failed), BACKOFF_PER_INDEX_FIRST_MS, finishedMs(failed), nowMs) : 0;
    if (waitMs > 0) plan.laterMs.push(waitMs);
    else open.push(index);
  }
  return open;
}

function lastOfIndexes(pods: readonly StoredPod[]): Map<number, StoredPod> {
  const madeMs = ({ metadata }: StoredPod): number => Date.parse(metadata.creationTimestamp ?? '') || 0;
  const order = [...pods].sort((a, b) => madeMs(a) - madeMs(b) || (a.metadata.uid < b.metadata.uid ? -1 : 1));
  return new Map(order.map((pod) => [indexOf(pod) ?? -1, pod]));
}

/** @param otherNames of pods that are not the job's (any more) */
export function managePods(plan: Plan, pods: readonly StoredPod[], otherNames: readonly string[]): void {
  const {
    job,
    nowMs,
    tally: { active, terminating, recent, lastFailed },
  } = plan;
  const { spec } = job;
  if (spec?.suspend) {
    plan.removed.push(...active);
    return;
  }
  const wanted = wantedActive(plan);
  const surplus = surplusPods(plan, Math.max(0, active.length - wanted));
  if (surplus.length > 0) {
    plan.removed.push(...surplus.slice(0, ROUND_LIMIT));
    return;
  }
  const missing = Math.min(wanted - active.length - (waitsForFailure(job) ? terminating : 0), ROUND_LIMIT);
  if (missing <= 0) return;
  const perIndex = spec?.backoffLimitPerIndex !== undefined;
  const waitMs = perIndex ? 0 : backoffMs(recent.failures, BACKOFF_FIRST_MS, recent.lastMs, nowMs);
  if (waitMs > 0) {
    plan.laterMs.push(waitMs);
    return;
  }
  const indexes: (number | undefined)[] = isIndexed(job)
    ? openIndexes(plan, pods, missing)
    : Array.from({ length: missing }, () => undefined);
  const taken = new Set([...pods.map(({ metadata }) => metadata.name), ...otherNames]);
  const previous = isIndexed(job) ? lastOfIndexes(pods) : new Map<number, StoredPod>();
  let slot = 0;
  for (const index of indexes) {
    const isOf = <T>(map: ReadonlyMap<number, T>): T | undefined => (index === undefined ? undefined : map.get(index));
    const wantedPod: NewPod = { index, previous: isOf(previous), failed: isOf(lastFailed) };
    // Each index has names of its own; without indexes all the slots before were taken by pods before.
    if (index !== undefined) slot = 0;
    while (taken.has(podName(job, slot, wantedPod))) slot++;
    const name = podName(job, slot, wantedPod);
    taken.add(name);
    const object = newPod(job, name, wantedPod);
    const message = `Created pod: ${name}`;
    const event = { about: asObject(job), type: 'Normal', reason: 'SuccessfulCreate', message } as const;
    plan.created.push({ do: 'create', of: resources.pods, object, event });
  }
}
