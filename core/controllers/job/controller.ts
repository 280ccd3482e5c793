// What the job controller watches and reads.
import { type KubeObject, keyOf, type ObjectKey } from '../../api/objects.ts';
import { controllerOf, refersTo } from '../../api/owners.ts';
import { labelSelectorMatches } from '../../api/selectors.ts';
import type { Client, ResourceRef } from '../../client/client.ts';
import { resources } from '../../client/resources.ts';
import type { Cache, Controller } from '../controller.ts';
import { isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';
import { decideJob, failedJob, type ObservedJob, type ObservedStrays } from './decide.ts';
import { isTracked, type StoredJob } from './pods.ts';
import { sureLook } from './sure.ts';

/** Pods that name a job which is not there (any more, or not with this uid). */
function straysOf({ namespace, name }: ObjectKey, uid: string | undefined, cache: Cache): StoredPod[] {
  return (cache.list(resources.pods, namespace) as unknown as StoredPod[]).filter((pod) => {
    const owner = isTracked(pod) ? controllerOf(pod) : undefined;
    return owner && refersTo(owner, 'batch', 'Job') && owner.name === name && owner.uid !== uid;
  });
}

async function observe(
  key: ObjectKey,
  cache: Cache,
  client: Client,
): Promise<ObservedJob | ObservedStrays | undefined> {
  const job = cache.get(resources.jobs, key) as unknown as StoredJob | undefined;
  const strays = straysOf(key, job?.metadata.uid, cache);
  if (strays.length > 0) {
    // The cache may be behind: whose job is there after all is left alone.
    const fresh = await client.get(resources.jobs, key).catch(() => undefined);
    const lost = strays.filter((pod) => controllerOf(pod)?.uid !== fresh?.metadata.uid);
    if (lost.length > 0) return { strays: lost };
  }
  if (!job) return undefined;
  const orphans = cache.orphans(resources.pods, key.namespace);
  const free = orphans.filter(
    (pod) => !isDeleting(pod) && labelSelectorMatches(job.spec?.selector, pod.metadata.labels),
  );
  if (free.length > 0 && !isDeleting(job)) {
    const fresh = await client.get(resources.jobs, key);
    if (fresh.metadata.uid !== job.metadata.uid || isDeleting(fresh)) return undefined;
  }
  const pods = cache.ownedBy(resources.pods, job.metadata.uid) as unknown as StoredPod[];
  const look = await sureLook({ job, pods }, client);
  const otherNames = orphans.map(({ metadata }) => metadata.name ?? '');
  return look && { job: look.job, pods: [...look.pods, ...(free as unknown as StoredPod[])], otherNames };
}

function keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): ObjectKey[] {
  if (of === resources.jobs) return [keyOf(object)];
  const namespace = object.metadata.namespace ?? '';
  const keys = new Map<string, ObjectKey>();
  for (const state of [object, previous]) {
    const controller = state && controllerOf(state);
    if (controller && refersTo(controller, 'batch', 'Job'))
      keys.set(controller.name, { namespace, name: controller.name });
  }
  if (!controllerOf(object)) {
    for (const job of cache.list(resources.jobs, namespace)) {
      const { selector } = (job as unknown as StoredJob).spec ?? {};
      if (labelSelectorMatches(selector, object.metadata.labels)) keys.set(keyOf(job).name, keyOf(job));
    }
  }
  return [...keys.values()];
}

export const jobController: Controller<ObservedJob | ObservedStrays> = {
  name: 'job',
  component: 'job-controller',
  watches: [resources.jobs, resources.pods],
  keysFor,
  observe,
  decide: decideJob,
  failed: failedJob,
  resyncMs: 600_000,
};
