// Lists and watches of the parts that live beside the API server: they read the store's own objects instead of having each
// written to JSON and parsed again. An object in a cache then costs no second copy. Everything else, and every write, goes
// through the API like any other client's.
import { expired } from '../core/api/errors.ts';
import { findKind } from '../core/api/kinds/index.ts';
import type { Kind } from '../core/api/kinds/kind.ts';
import type { KubeObject } from '../core/api/objects.ts';
import { served } from '../core/apiserver/serialize.ts';
import type { Client, ListResult, ResourceRef, Selection, WatchEvent } from '../core/client/client.ts';
import type { Hub } from '../core/store/hub.ts';
import type { Store } from '../core/store/store.ts';
import { RevisionAhead, RevisionExpired } from '../core/store/store.ts';

/** Only for callers that may read everything: nothing is authorised here. The objects are shared and frozen. */
export function withSharedReads(client: Client, store: Store, hub: Hub): Client {
  /** Undefined: a selector, or a kind that is not built in. */
  const readable = (of: ResourceRef, selection: Selection = {}): Kind | undefined =>
    selection.labelSelector || selection.fieldSelector ? undefined : findKind(of.group, of.version, of.plural);
  return {
    ...client,
    async list<T>(of: ResourceRef, selection?: Selection): Promise<ListResult<T>> {
      const kind = readable(of, selection);
      if (!kind) return await client.list<T>(of, selection);
      const { items, revision } = await store.list(kind.resource, { namespace: selection?.namespace ?? '' });
      return { items: items.map((item) => served(kind, item) as T), resourceVersion: String(revision) };
    },
    watch<T>(of: ResourceRef, from: string, selection?: Selection, signal?: AbortSignal): AsyncIterable<WatchEvent<T>> {
      const kind = readable(of, selection);
      if (!kind || !from) return client.watch<T>(of, from, selection, signal);
      return changesOf(hub, kind, Number(from), selection?.namespace ?? '', signal) as AsyncIterable<WatchEvent<T>>;
    },
  };
}

async function* changesOf(
  hub: Hub,
  kind: Kind,
  from: number,
  namespace: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchEvent<KubeObject>, void> {
  try {
    for await (const { changes } of hub.follow(kind.resource, from, signal)) {
      for (const { type, key, object, revision } of changes) {
        if (namespace && key.namespace !== namespace) continue;
        yield { type, object: served(kind, { object, revision }) };
      }
    }
  } catch (error) {
    // As the API would say it; a client lists anew.
    if (error instanceof RevisionExpired || error instanceof RevisionAhead) throw expired(error.message);
    throw error;
  }
}
