// The store port: objects under a version condition, and a gap-free change log for each resource.
// Every driver (memory, LMDB, DynamoDB) passes test/contract/store.ts. See docs/decisions/0001-revisions.md.
import type { KubeObject, ObjectKey } from '../api/objects.ts';

/** A resource names one sequence of revisions: "pods", "deployments.apps". */
export type Resource = string;

/** An integer; what clients see as resourceVersion. Comparable only within one resource. */
export type Revision = number;

export interface StoredObject {
  /** metadata.resourceVersion is not kept inside; readers put `revision` there. */
  readonly object: KubeObject;
  readonly revision: Revision;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly key: ObjectKey;
  readonly revision: Revision;
  /** The object after the change; of a deletion, the object as it was deleted. Shared between watchers: never mutate it. */
  readonly object: KubeObject;
  /** The object before the change (absent for ADDED): a watcher whose selector stops matching is sent DELETED with it. */
  readonly previous?: KubeObject;
}

/** `expected`: the revision that must stand, or 'absent' for a create. 'delete' removes the object. */
export type Commit =
  | {
      readonly op: 'put';
      readonly resource: Resource;
      readonly key: ObjectKey;
      readonly object: KubeObject;
      readonly expected: Revision | 'absent';
    }
  | {
      readonly op: 'delete';
      readonly resource: Resource;
      readonly key: ObjectKey;
      readonly object: KubeObject;
      readonly expected: Revision;
    };

export type CommitResult =
  | { readonly ok: true; readonly revision: Revision }
  /** What stands there instead (undefined: nothing). The caller decides between AlreadyExists, Conflict and NotFound. */
  | { readonly ok: false; readonly current: StoredObject | undefined };

export interface ListOptions {
  namespace?: string;
  limit?: number;
  /** From the page before; holds the revision that every page shows. */
  continueFrom?: { readonly after: ObjectKey; readonly revision: Revision };
  /** Exactly this revision (resourceVersionMatch=Exact); otherwise the newest. */
  exact?: Revision;
}

export interface ListPage {
  readonly items: readonly StoredObject[];
  /** A watch from here shows each later change once. */
  readonly revision: Revision;
  /** Set when there is more. */
  readonly next?: { readonly after: ObjectKey; readonly revision: Revision };
  /** How many items follow this page, when the driver knows. */
  readonly remaining?: number;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  /** The revision up to which the log was read, gaps excluded; go on from here. */
  readonly upTo: Revision;
}

/** The revision asked for is older than what the log still holds. */
export class RevisionExpired extends Error {
  readonly oldest: Revision;
  constructor(oldest: Revision) {
    super(`the oldest revision that the log holds is ${oldest}`);
    this.name = 'RevisionExpired';
    this.oldest = oldest;
  }
}

/** The revision asked for has not happened yet. */
export class RevisionAhead extends Error {
  readonly head: Revision;
  constructor(head: Revision) {
    super(`the newest revision is ${head}`);
    this.name = 'RevisionAhead';
    this.head = head;
  }
}

export interface Store {
  get(resource: Resource, key: ObjectKey): Promise<StoredObject | undefined>;
  /** Items in order of namespace and name. Throws RevisionExpired when a page or an exact revision can no longer be shown, RevisionAhead when it cannot yet. */
  list(resource: Resource, options?: ListOptions): Promise<ListPage>;
  /**
   * Resolves once the write is durable. Never throws for a failed condition; throws ServiceUnavailable when nothing can
   * be written (disk full), and then nothing was, and Timeout when nobody can say whether it was. The object becomes the store's, which freezes it.
   */
  commit(commit: Commit): Promise<CommitResult>;
  /** Changes after `since`, in order, at most `limit`. Throws RevisionExpired and RevisionAhead. */
  changesSince(resource: Resource, since: Revision, limit?: number): Promise<ChangePage>;
  /** The newest revision that is readable without a gap. */
  head(resource: Resource): Promise<Revision>;
  /** Calls back soon after the head of a resource moves (a hint: read the log). Returns an unsubscribe. */
  onChange(listener: (resource: Resource) => void): () => void;
  /** How many objects of each resource there are, of drivers that know without reading them. For metrics: what was not touched yet may be missing. */
  counts?(): ReadonlyMap<Resource, number>;
  close(): Promise<void>;
}
