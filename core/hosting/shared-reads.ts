// Lists and watches of the parts that live beside the API server: they read the store's own objects instead of having each
// written to JSON and parsed again. An object in a cache then costs no second copy. Everything else, and every write, goes
// through the API like any other client's.
import { expired } from '../api/errors.ts';
import { findKind } from '../api/kinds/index.ts';
import type { Kind } from '../api/kinds/kind.ts';
import type { KubeObject } from '../api/objects.ts';
import { served } from '../apiserver/serialize.ts';
import type { Changes, Client, ListResult, ResourceRef, Selection, WatchEvent } from '../client/client.ts';
import type { Hub } from '../store/hub.ts';
import type { Change, Store } from '../store/store.ts';
import { RevisionAhead, RevisionExpired } from '../store/store.ts';

const PAGE_LENGTH = 1_000;

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
    async changes<T>(of: ResourceRef, from: string, selection?: Selection): Promise<Changes<T> | undefined> {
      const kind = readable(of, selection);
      if (!kind) return undefined;
      return (await changesSince(store, kind, Number(from), selection?.namespace ?? '')) as Changes<T>;
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
      yield* eventsOf(kind, changes, namespace);
    }
  } catch (error) {
    throw translated(error);
  }
}

/** Up to where the log stands now. */
async function changesSince(store: Store, kind: Kind, from: number, namespace: string): Promise<Changes> {
  const events: WatchEvent<KubeObject>[] = [];
  let upTo = from;
  try {
    for (;;) {
      const page = await store.changesSince(kind.resource, upTo, PAGE_LENGTH);
      events.push(...eventsOf(kind, page.changes, namespace));
      // A short page, void revisions apart, was the last.
      const ended = page.upTo <= upTo || page.changes.length === 0;
      upTo = Math.max(upTo, page.upTo);
      if (ended) return { events, resourceVersion: String(upTo) };
    }
  } catch (error) {
    throw translated(error);
  }
}

function* eventsOf(kind: Kind, changes: readonly Change[], namespace: string): Generator<WatchEvent<KubeObject>> {
  for (const { type, key, object, revision } of changes) {
    if (namespace && key.namespace !== namespace) continue;
    yield { type, object: served(kind, { object, revision }) };
  }
}

/** As the API would say it; a client lists anew. */
const translated = (error: unknown): unknown =>
  error instanceof RevisionExpired || error instanceof RevisionAhead ? expired(error.message) : error;
