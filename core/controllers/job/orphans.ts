// Pods that were a job's and are nobody's now: it was deleted without them, or they no longer match its selector. No job
// counts them any more, so nothing may hold them; else they could not be deleted, nor their namespace.
import { type KubeObject, keyOf } from '../../api/objects.ts';
import { controllerOf } from '../../api/owners.ts';
import { resources } from '../../client/resources.ts';
import type { Controller } from '../controller.ts';
import type { StoredPod } from '../pod-state.ts';
import { releasePod } from './decide.ts';
import { isTracked } from './pods.ts';

const isHeldOrphan = (pod: KubeObject): boolean => !controllerOf(pod) && isTracked(pod as unknown as StoredPod);

export const jobOrphanController: Controller<StoredPod> = {
  name: 'job-orphan',
  component: 'job-controller',
  watches: [resources.pods],
  keysFor: (_of, object) => (isHeldOrphan(object) ? [keyOf(object)] : []),
  observe(key, cache) {
    const pod = cache.get(resources.pods, key);
    return pod && isHeldOrphan(pod) ? (pod as unknown as StoredPod) : undefined;
  },
  // A job that adopts it at this moment makes another version of it, which the patch does not fit.
  decide: (pod) => [releasePod(pod)],
  resyncMs: 600_000,
};
