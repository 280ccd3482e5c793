// What the namespace controller reads: every namespaced resource that can be listed and deleted.
import { isStatus } from '../../api/errors.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Client } from '../../client/client.ts';
import type { ResourceCatalog, ServedResource } from '../../client/discovery.ts';
import { resourceName, resources } from '../../client/resources.ts';
import type { Cache, Controller } from '../controller.ts';
import {
  type Content,
  decideNamespace,
  failedNamespace,
  type ObservedNamespace,
  type StoredNamespace,
} from './decide.ts';

const isGoing = (namespace: KubeObject | undefined): boolean =>
  namespace?.metadata.deletionTimestamp !== undefined &&
  Boolean((namespace as unknown as StoredNamespace).spec?.finalizers?.includes('kubernetes'));

async function contentOf(client: Client, { of }: ServedResource, namespace: string): Promise<Content> {
  const { items } = await client.list(of, { namespace });
  return { of, items: items.map(({ metadata }) => metadata) };
}

async function observe(
  catalog: ResourceCatalog,
  key: ObjectKey,
  cache: Cache,
  client: Client,
): Promise<ObservedNamespace | undefined> {
  const cached = cache.get(resources.namespaces, key);
  if (!isGoing(cached)) return undefined;
  // The finalizers must be fresh: what they say ends the namespace.
  const fresh = await client.get(resources.namespaces, key).catch((error: unknown) => {
    if (isStatus(error, 'NotFound')) return undefined;
    throw error;
  });
  if (!fresh || !isGoing(fresh) || fresh.metadata.uid !== cached?.metadata.uid) return undefined;
  const namespace = fresh as unknown as StoredNamespace;
  let served: ServedResource[];
  try {
    served = await catalog.served();
  } catch (error) {
    const discoveryFailure = `Discovery failed for some groups: ${error instanceof Error ? error.message : error}`;
    return { namespace, contents: [], discoveryFailure, listFailures: [] };
  }
  const deletable = served.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('list') && verbs.includes('delete'),
  );
  const listFailures: string[] = [];
  const contents = await Promise.all(
    deletable.map((resource) =>
      contentOf(client, resource, key.name).catch((error: unknown): Content => {
        // Gone since discovery was read: nothing of it is left.
        if (!isStatus(error, 'NotFound', 'MethodNotAllowed')) {
          listFailures.push(`${resourceName(resource.of)}: ${error instanceof Error ? error.message : error}`);
        }
        return { of: resource.of, items: [] };
      }),
    ),
  );
  return { namespace, contents, listFailures };
}

export const namespaceController = (catalog: ResourceCatalog): Controller<ObservedNamespace> => ({
  name: 'namespace',
  component: 'namespace-controller',
  watches: [resources.namespaces, resources.pods],
  keysFor(of, object, _previous, cache) {
    if (of === resources.namespaces)
      return isGoing(object) ? [{ namespace: '', name: object.metadata.name ?? '' }] : [];
    // The last pod to go frees the rest.
    const key = { namespace: '', name: object.metadata.namespace ?? '' };
    const wasLast = cache.get(of, { namespace: key.name, name: object.metadata.name ?? '' }) === undefined;
    return wasLast && isGoing(cache.get(resources.namespaces, key)) ? [key] : [];
  },
  observe: (key, cache, client) => observe(catalog, key, cache, client),
  decide: decideNamespace,
  failed: failedNamespace,
  workers: 10,
  resyncMs: 300_000,
});
