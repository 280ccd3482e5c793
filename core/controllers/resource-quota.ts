// What a quota's namespace uses, written to its status. Admission counts up as objects are made; this counts anew what is
// there, mostly because something went.
// Follows https://kubernetes.io/docs/concepts/policy/resource-quotas/

import { isStatus } from '../api/errors.ts';
import { sameValue } from '../api/kinds/findings.ts';
import { type KubeObject, keyString, type ObjectKey, type Stored } from '../api/objects.ts';
import { exceeding, parseAmounts, sameAmounts } from '../api/quota/amounts.ts';
import { measuredResources, quotaUsed } from '../api/quota/usage.ts';
import type { Pod, ResourceQuota } from '../api/types.gen.ts';
import type { Client } from '../client/client.ts';
import type { ResourceCatalog } from '../client/discovery.ts';
import type { Informers } from '../client/informers.ts';
import { resourceName, resources } from '../client/resources.ts';
import type { Clock } from '../ports.ts';
import type { Action, Cache, Controller } from './controller.ts';
import { asObject } from './owner.ts';
import { isFinished } from './pod-state.ts';

export interface ObservedQuota {
  quota: Stored<ResourceQuota>;
  /** By resource name ("pods"), in the quota's namespace. */
  objects: Readonly<Record<string, readonly KubeObject[]>>;
  /** For how long the quota has been seen as it is now. */
  unchangedMs: number;
}

/** What admission has counted but is not stored yet must not be taken back: a count goes down only after this long. */
const SETTLED_MS = 1_000;

export function decideQuota({ quota, objects, unchangedMs }: ObservedQuota, nowMs: number): Action[] {
  const { hard = {} } = quota.spec ?? {};
  const used = quotaUsed(quota, (resource) => objects[resource] ?? [], nowMs);
  const standing = quota.status?.used ?? {};
  const sameHard = sameValue(hard, quota.status?.hard);
  if (sameHard && sameAmounts(parseAmounts(used), parseAmounts(standing))) return [];
  const goesDown = exceeding(parseAmounts(standing), parseAmounts(used)).length > 0;
  if (goesDown && sameHard && unchangedMs < SETTLED_MS) return [{ do: 'requeue', afterMs: SETTLED_MS - unchangedMs }];
  const object = asObject({ ...quota, status: { hard, used } });
  return [{ do: 'update', of: resources.resourceQuotas, object, subresource: 'status' }];
}

/** What quotas count most: their coming and going wakes the namespace's quotas. */
const counted = [
  resources.configMaps,
  resources.secrets,
  resources.services,
  resources.replicationControllers,
  resources.persistentVolumeClaims,
  resources.serviceAccounts,
  resources.deployments,
  resources.replicaSets,
  resources.statefulSets,
  resources.daemonSets,
  resources.jobs,
  resources.cronJobs,
];

const quotasOf = (informers: Pick<Cache, 'list'>, namespace: string): ObjectKey[] =>
  informers.list(resources.resourceQuotas, namespace).map(({ metadata }) => ({ namespace, name: metadata.name ?? '' }));

async function objectsOf(
  client: Client,
  catalog: ResourceCatalog,
  namespace: string,
  name: string,
): Promise<readonly KubeObject[]> {
  const served = (await catalog.served()).find(({ of, namespaced }) => namespaced && resourceName(of) === name);
  return served ? (await client.list(served.of, { namespace })).items : [];
}

export function resourceQuotaController(catalog: ResourceCatalog, clock: Clock): Controller<ObservedQuota> {
  const seen = new Map<string, { resourceVersion: string; sinceMs: number }>();
  const unchangedMs = (key: ObjectKey, resourceVersion: string): number => {
    const known = seen.get(keyString(key));
    if (known?.resourceVersion === resourceVersion) return clock.now() - known.sinceMs;
    seen.set(keyString(key), { resourceVersion, sinceMs: clock.now() });
    return 0;
  };
  return {
    name: 'resource-quota',
    component: 'resourcequota-controller',
    watches: [resources.resourceQuotas, resources.pods],
    keysFor(of, object, previous, cache) {
      const namespace = object.metadata.namespace ?? '';
      if (of === resources.resourceQuotas) return [{ namespace, name: object.metadata.name ?? '' }];
      const gone = cache.get(of, { namespace, name: object.metadata.name ?? '' }) === undefined;
      const finished = (state: KubeObject | undefined): boolean => isFinished((state ?? {}) as Pod);
      const counts = !previous || gone || finished(object) !== finished(previous);
      return counts ? quotasOf(cache, namespace) : [];
    },
    async observe(key, cache, client) {
      if (!cache.get(resources.resourceQuotas, key)) {
        seen.delete(keyString(key));
        return undefined;
      }
      // The quota first: if admission counts something between the two reads, the write conflicts.
      const quota = await client.get<Stored<ResourceQuota>>(resources.resourceQuotas, key).catch((error: unknown) => {
        if (isStatus(error, 'NotFound')) return undefined;
        throw error;
      });
      if (!quota || quota.metadata.deletionTimestamp) return undefined;
      const names = measuredResources(quota);
      const lists = await Promise.all(names.map((name) => objectsOf(client, catalog, key.namespace, name)));
      return {
        quota,
        objects: Object.fromEntries(names.map((name, i) => [name, lists[i] ?? []])),
        unchangedMs: unchangedMs(key, quota.metadata.resourceVersion ?? ''),
      };
    },
    decide: decideQuota,
    attach: async (enqueue, informers: Informers) => {
      const ends = counted.map((of) => {
        const informer = informers.forMetadata(of);
        return informer.subscribe(({ metadata }, previous, deleted) => {
          if (previous && !deleted) return;
          for (const key of quotasOf(informers, metadata.namespace ?? '')) enqueue(key);
        });
      });
      return () => {
        for (const end of ends) end();
      };
    },
    resyncMs: 300_000,
  };
}
