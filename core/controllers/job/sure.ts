// What a decision about a job may rely on. Caches lag, also behind each other, and another instance may have acted on what
// they do not show yet; so whoever is about to count a pod, to make one or to remove one asks the API for what it is not sure
// of. The order matters: the job first, its pods after it. A pod that still has its finalizer after the job was read is not in
// the sums of that version of the job, and the status can be written over that version only.
import type { Client } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import { getFresh } from '../fresh.ts';
import { listOwnedPods } from '../owned-pods.ts';
import { isDeleting } from '../owner.ts';
import { isActive, type StoredPod } from '../pod-state.ts';
import { isEnding, isFinished } from './ending.ts';
import { parseIndexes } from './indexes.ts';
import { hasSucceeded, indexOf, isEnded, isTracked, judgeFailure, type StoredJob, waitsForFailure } from './pods.ts';

/** So many pods are asked for one by one; beyond, all of the job are listed. */
const GETS_LIMIT = 20;

interface Look {
  job: StoredJob;
  /** Owned by it. */
  pods: readonly StoredPod[];
}

const notedIn = ({ status }: StoredJob): string[] => {
  const { succeeded = [], failed = [] } = status?.uncountedTerminatedPods ?? {};
  return [...succeeded, ...failed];
};

/** Pods that are to be counted, unless somebody did already. */
function uncounted({ job, pods }: Look): StoredPod[] {
  const noted = new Set(notedIn(job));
  const completed = parseIndexes(job.status?.completedIndexes, job.spec?.completions ?? 0);
  const isCompleted = (pod: StoredPod): boolean => hasSucceeded(pod) && completed.has(indexOf(pod) ?? -1);
  return pods.filter((pod) => isTracked(pod) && isEnded(job, pod) && !noted.has(pod.metadata.uid) && !isCompleted(pod));
}

/** Noted to be counted, and not to be seen: either gone, which counts it, or not in the cache yet. */
function hasUnseen({ job, pods }: Look): boolean {
  const seen = new Set(pods.map(({ metadata }) => metadata.uid));
  return notedIn(job).some((uid) => !seen.has(uid));
}

/** Whether pods are to be made or removed, going by what the status counts. */
function changesPods({ job, pods }: Look): boolean {
  const { parallelism = 1, completions, suspend } = job.spec ?? {};
  const active = pods.filter(isActive).length;
  if (isEnding(job) || isDeleting(job)) return false;
  if (suspend) return active > 0;
  const succeeded = (job.status?.succeeded ?? 0) + (job.status?.uncountedTerminatedPods?.succeeded?.length ?? 0);
  if (completions === undefined) return succeeded === 0 && active !== parallelism;
  return active !== Math.min(parallelism, Math.max(0, completions - succeeded));
}

/** Whether the pods that the status counts, as somebody wrote it, are the ones to be seen. */
function agrees({ job, pods }: Look): boolean {
  const terminating = waitsForFailure(job) ? pods.filter((pod) => isDeleting(pod) && !isEnded(job, pod)).length : 0;
  const { active = 0, terminating: told = 0 } = job.status ?? {};
  // A failure that is passed over leaves no trace in the status: whether it was looked at cannot be told.
  const ended = uncounted({ job, pods }).filter(
    (pod) => hasSucceeded(pod) || judgeFailure(job, pod).action !== 'Ignore',
  );
  const seen = pods.filter(isActive).length + ended.length + terminating;
  return seen === active + (waitsForFailure(job) ? told : 0);
}

const listPods = (job: StoredJob, client: Client): Promise<StoredPod[]> =>
  listOwnedPods(job, job.spec?.selector, client);

async function surePods(look: Look, client: Client): Promise<readonly StoredPod[]> {
  const doubtful = uncounted(look);
  if (hasUnseen(look) || doubtful.length > GETS_LIMIT) return listPods(look.job, client);
  const fresh = new Map<StoredPod, StoredPod | undefined>();
  const ask = async (pod: StoredPod) => void fresh.set(pod, await getFresh(client, resources.pods, pod));
  await Promise.all(doubtful.map(ask));
  const pods = look.pods.flatMap((pod) => (fresh.has(pod) ? (fresh.get(pod) ?? []) : pod));
  const sure = { ...look, pods };
  return changesPods(sure) && !agrees(sure) ? listPods(look.job, client) : pods;
}

/**
 * The job and its pods, as they are now where the caches do not suffice. undefined: the job is gone, or another has its name.
 * Rejects with what the API answers.
 */
export async function sureLook(cached: Look, client: Client): Promise<Look | undefined> {
  const { job: known } = cached;
  const { managedBy = 'kubernetes.io/job-controller' } = known.spec ?? {};
  if (isFinished(known) || managedBy !== 'kubernetes.io/job-controller') return cached;
  if (uncounted(cached).length === 0 && !hasUnseen(cached) && !changesPods(cached)) return cached;
  const job = await getFresh(client, resources.jobs, known);
  return job && { job, pods: await surePods({ ...cached, job }, client) };
}
