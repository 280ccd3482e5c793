// The one Client interface: controllers, scheduler, agent, command line and tests use it and nothing else.
import type { KubeObject } from '../api/objects.ts';

/** Which resource, as its path names it. */
export interface ResourceRef {
  /** '' for the core group. */
  group: string;
  version: string;
  plural: string;
}

export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListResult<T = KubeObject> {
  items: T[];
  resourceVersion: string;
}

export type WatchEvent<T = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string };

/** What happened after a revision; `resourceVersion` is how far the log was read. */
export interface Changes<T = KubeObject> {
  events: WatchEvent<T>[];
  resourceVersion: string;
}

export type PatchType = 'json' | 'merge' | 'strategic';

export interface DeleteOptions {
  uid?: string;
  resourceVersion?: string;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
}

/** Every method throws StatusError (core/api/errors.ts) as the API answered it. */
export interface Client {
  get<T = KubeObject>(of: ResourceRef, key: { namespace?: string; name: string }): Promise<T>;
  /** All pages. */
  list<T = KubeObject>(of: ResourceRef, selection?: Selection): Promise<ListResult<T>>;
  create<T = KubeObject>(
    of: ResourceRef,
    object: T,
    options?: { namespace?: string; subresource?: string; name?: string },
  ): Promise<T>;
  update<T = KubeObject>(of: ResourceRef, object: T, options?: { subresource?: string }): Promise<T>;
  patch<T = KubeObject>(
    of: ResourceRef,
    key: { namespace?: string; name: string },
    patch: unknown,
    options: { type: PatchType; subresource?: string },
  ): Promise<T>;
  delete(of: ResourceRef, key: { namespace?: string; name: string }, options?: DeleteOptions): Promise<void>;
  /** Ends when the server ends it (go on from the last resource version) or the signal aborts; 410 throws Expired. */
  watch<T = KubeObject>(
    of: ResourceRef,
    from: string,
    selection?: Selection,
    signal?: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /**
   * Changes after a revision up to now, without waiting for more; 410 throws Expired. Only beside the store: absent, or answering
   * undefined for a resource that cannot be read so, it leaves the caller to list.
   */
  changes?<T = KubeObject>(of: ResourceRef, from: string, selection?: Selection): Promise<Changes<T> | undefined>;
  /** Any other path, for non-resource calls and streams. */
  raw(path: string, init?: RequestInit): Promise<Response>;
}
