// What the cron job controller watches and reads.
import { keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import type { Client } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Clock } from '../../ports.ts';
import type { Cache, Controller } from '../controller.ts';
import { getFresh } from '../fresh.ts';
import type { StoredJob } from '../job/pods.ts';
import { decideCronJob, failedCronJob, type ObservedCronJob, type StoredCronJob } from './decide.ts';

/**
 * By the cache, unless a job is about to be started, or one that is noted as running is not to be seen. The cache may be behind:
 * by it a job that ended and was removed would be started a second time, and one that runs would be no reason to wait.
 */
async function observe(
  key: ObjectKey,
  cache: Cache,
  client: Client,
  nowMs: number,
): Promise<ObservedCronJob | undefined> {
  const known = cache.get(resources.cronJobs, key) as unknown as StoredCronJob | undefined;
  if (!known) return undefined;
  const jobs = cache.ownedBy(resources.jobs, known.metadata.uid) as unknown as StoredJob[];
  const starts = decideCronJob({ cronJob: known, jobs }, nowMs).some(({ do: what }) => what === 'create');
  const cronJob = starts ? await getFresh(client, resources.cronJobs, known) : known;
  if (!cronJob) return undefined;
  const seen = new Set(jobs.map(({ metadata }) => metadata.uid));
  const unseen = (cronJob.status?.active ?? []).filter(({ uid }) => !seen.has(uid ?? ''));
  const found = await Promise.all(
    unseen.map(({ name, uid }) =>
      getFresh(client, resources.jobs, { metadata: { namespace: key.namespace, name, uid } } as StoredJob),
    ),
  );
  return { cronJob, jobs: [...jobs, ...found.filter((job) => job !== undefined)] };
}

export const cronJobController = (clock: Clock): Controller<ObservedCronJob> => ({
  name: 'cron-job',
  component: 'cronjob-controller',
  watches: [resources.cronJobs, resources.jobs],
  keysFor(of, object) {
    if (of === resources.cronJobs) return [keyOf(object)];
    const owner = controllerOf(object);
    const isOurs = owner && refersTo(owner, 'batch', 'CronJob');
    return isOurs ? [{ namespace: object.metadata.namespace ?? '', name: owner.name }] : [];
  },
  observe: (key, cache, client) => observe(key, cache, client, clock.now()),
  decide: decideCronJob,
  failed: failedCronJob,
  resyncMs: 600_000,
});
