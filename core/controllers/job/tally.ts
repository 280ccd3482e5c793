// How a job stands: what its pods came to so far, counted once each however often it is looked at.
import type { JobStatus } from '../../api/types.gen.ts';
import { isDeleting } from '../owner.ts';
import { isActive, isReady, type StoredPod } from '../pod-state.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import {
  failuresBefore,
  finishedMs,
  hasFailed,
  hasSucceeded,
  indexOf,
  isEnded,
  isIndexed,
  isTracked,
  judgeFailure,
  type StoredJob,
} from './pods.ts';

export interface Tally {
  active: StoredPod[];
  terminating: number;
  ready: number;
  succeeded: number;
  failed: number;
  /** Indexed jobs. */
  succeededIndexes: Set<number>;
  failedIndexes: Set<number>;
  /** The failed pods by index whose failures the next pod of that index must know of. */
  lastFailed: Map<number, StoredPod>;
  /** Failures since the last success, and when the last was. */
  recent: { failures: number; lastMs: number };
  /** Status fields of the count as they are to be written, before what they hold is let go. */
  counted: Pick<JobStatus, 'succeeded' | 'failed' | 'completedIndexes' | 'failedIndexes' | 'uncountedTerminatedPods'>;
  /** Counted by what is written: nothing holds them any more. */
  release: StoredPod[];
}

function isIndexFailed(job: StoredJob, pod: StoredPod): boolean {
  const { action } = judgeFailure(job, pod);
  if (action === 'FailIndex') return true;
  return action !== 'Ignore' && failuresBefore(pod) >= (job.spec?.backoffLimitPerIndex ?? 0);
}

function recentFailures(job: StoredJob, pods: readonly StoredPod[]): Tally['recent'] {
  const ended = pods.filter((pod) => isEnded(job, pod)).sort((a, b) => finishedMs(a) - finishedMs(b));
  const lastSuccess = ended.findLastIndex(hasSucceeded);
  const failures = ended.slice(lastSuccess + 1);
  const last = failures.at(-1);
  return { failures: failures.length, lastMs: last ? finishedMs(last) : 0 };
}

export function tally(job: StoredJob, pods: readonly StoredPod[]): Tally {
  const indexed = isIndexed(job);
  const completions = job.spec?.completions ?? 0;
  const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const { status = {} } = job;
  const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid));
  // Those noted before whose finalizer is gone are in the sums from now on.
  const settle = (uids: readonly string[] | undefined): { still: string[]; done: number } => {
    const still = (uids ?? []).filter((uid) => tracked.has(uid));
    return { still, done: (uids?.length ?? 0) - still.length };
  };
  const notedSucceeded = settle(status.uncountedTerminatedPods?.succeeded);
  const notedFailed = settle(status.uncountedTerminatedPods?.failed);
  const noted = new Set([...notedSucceeded.still, ...notedFailed.still]);
  const succeededIndexes = indexed ? parseIndexes(status.completedIndexes, completions) : new Set<number>();
  const failedIndexes = perIndex ? parseIndexes(status.failedIndexes, completions) : new Set<number>();
  const release: StoredPod[] = [];
  const freshSucceeded: string[] = [];
  const freshFailed: string[] = [];
  for (const pod of pods) {
    if (!isTracked(pod) || !isEnded(job, pod)) continue;
    release.push(pod);
    const index = indexOf(pod);
    const { uid } = pod.metadata;
    if (hasSucceeded(pod)) {
      if (indexed) {
        if (index !== undefined && index < completions) succeededIndexes.add(index);
      } else if (!noted.has(uid)) freshSucceeded.push(uid);
    } else if (!noted.has(uid) && judgeFailure(job, pod).action !== 'Ignore') freshFailed.push(uid);
  }
  const lastFailed = new Map<number, StoredPod>();
  if (perIndex) {
    for (const pod of pods) {
      const index = indexOf(pod);
      if (index === undefined || !hasFailed(job, pod) || succeededIndexes.has(index)) continue;
      const known = lastFailed.get(index);
      if (!known || finishedMs(known) <= finishedMs(pod)) lastFailed.set(index, pod);
      if (isIndexFailed(job, pod)) failedIndexes.add(index);
    }
  }
  const uncounted = {
    succeeded: [...notedSucceeded.still, ...freshSucceeded],
    failed: [...notedFailed.still, ...freshFailed],
  };
  const sums = {
    succeeded: indexed ? succeededIndexes.size : (status.succeeded ?? 0) + notedSucceeded.done,
    failed: (status.failed ?? 0) + notedFailed.done,
  };
  const active = pods.filter((pod) => isActive(pod));
  return {
    active,
    terminating: pods.filter((pod) => isDeleting(pod) && !hasSucceeded(pod) && pod.status?.phase !== 'Failed').length,
    ready: active.filter(isReady).length,
    succeeded: indexed ? succeededIndexes.size : sums.succeeded + uncounted.succeeded.length,
    failed: sums.failed + uncounted.failed.length,
    succeededIndexes,
    failedIndexes,
    lastFailed,
    recent: recentFailures(job, pods),
    counted: {
      ...sums,
      ...(indexed ? { completedIndexes: formatIndexes(succeededIndexes) } : {}),
      ...(perIndex ? { failedIndexes: formatIndexes(failedIndexes) } : {}),
      uncountedTerminatedPods: uncounted,
    },
    release,
  };
}
