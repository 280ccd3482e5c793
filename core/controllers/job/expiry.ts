// Finished jobs are deleted when their time is up.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
import { keyOf } from '../../api/objects.ts';
import { resources } from '../../client/resources.ts';
import type { Action, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredJob } from './pods.ts';

export function decideJobExpiry(job: StoredJob, nowMs: number): Action[] {
  const { ttlSecondsAfterFinished } = job.spec ?? {};
  const finished = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (ttlSecondsAfterFinished === undefined || !finished || isDeleting(job)) return [];
  const leftMs = Date.parse(finished.lastTransitionTime ?? '') + ttlSecondsAfterFinished * 1000 - nowMs;
  if (leftMs > 0) return [{ do: 'requeue', afterMs: leftMs }];
  const { uid, resourceVersion } = job.metadata;
  const options = { uid, resourceVersion, propagationPolicy: 'Foreground' } as const;
  return [{ do: 'delete', of: resources.jobs, key: keyOf(job), options }];
}

export const jobExpiryController: Controller<StoredJob> = {
  name: 'job-expiry',
  component: 'ttl-after-finished-controller',
  watches: [resources.jobs],
  keysFor: (_of, object) => [keyOf(object)],
  observe: (key, cache) => cache.get(resources.jobs, key) as unknown as StoredJob | undefined,
  decide: decideJobExpiry,
};
