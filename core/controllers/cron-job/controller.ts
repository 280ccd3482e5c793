// What the cron job controller watches and reads.
import { keyOf } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { resources } from '../../client/resources.ts';
import type { Controller } from '../controller.ts';
import type { StoredJob } from '../job/pods.ts';
import { decideCronJob, failedCronJob, type ObservedCronJob, type StoredCronJob } from './decide.ts';

export const cronJobController: Controller<ObservedCronJob> = {
  name: 'cron-job',
  component: 'cronjob-controller',
  watches: [resources.cronJobs, resources.jobs],
  keysFor(of, object) {
    if (of === resources.cronJobs) return [keyOf(object)];
    const owner = controllerOf(object);
    const isOurs = owner && refersTo(owner, 'batch', 'CronJob');
    return isOurs ? [{ namespace: object.metadata.namespace ?? '', name: owner.name }] : [];
  },
  observe(key, cache) {
    const cronJob = cache.get(resources.cronJobs, key) as unknown as StoredCronJob | undefined;
    if (!cronJob) return undefined;
    return { cronJob, jobs: cache.ownedBy(resources.jobs, cronJob.metadata.uid) as unknown as StoredJob[] };
  },
  decide: decideCronJob,
  failed: failedCronJob,
  resyncMs: 600_000,
};
