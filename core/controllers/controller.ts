// A controller decides in pure code; the runner observes and acts. Requests are keys, not events.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { Client, DeleteOptions, PatchType, ResourceRef } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';

/** What to tell about an object; on a write, told once the write is done. */
export interface EventNote {
  about: KubeObject;
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/**
 * What a controller wants done. The runner does them in order, through the Client: neighbours that are all creates, or all
 * deletes, of one resource go in growing batches side by side. The first failure ends the list (see `failed`) and the key
 * is looked at again with backoff. A delete of what is gone already is no failure.
 */
export type Action =
  | { do: 'create'; of: ResourceRef; object: KubeObject; event?: EventNote }
  | { do: 'update'; of: ResourceRef; object: KubeObject; subresource?: string; event?: EventNote }
  | {
      do: 'patch';
      of: ResourceRef;
      key: ObjectKey;
      patch: unknown;
      type: PatchType;
      subresource?: string;
      event?: EventNote;
    }
  | { do: 'delete'; of: ResourceRef; key: ObjectKey; options?: DeleteOptions; event?: EventNote }
  | ({ do: 'event' } & EventNote)
  /** Looks at another key of this controller soon. */
  | { do: 'enqueue'; key: ObjectKey }
  /** Look at this key again later even if nothing changes; up to `slackMs` later than that is still well (core/ports.ts). */
  | { do: 'requeue'; afterMs: number; slackMs?: number };

/** Read-only view of the informers' caches. Objects are shared: never mutate. */
export interface Cache {
  get(of: ResourceRef, key: ObjectKey): KubeObject | undefined;
  list(of: ResourceRef, namespace?: string): readonly KubeObject[];
  /** Objects of `of` whose controller owner reference has this uid. */
  ownedBy(of: ResourceRef, ownerUid: string): readonly KubeObject[];
  /** Objects of a namespace that no controller owns. */
  orphans(of: ResourceRef, namespace: string): readonly KubeObject[];
  /** Pods bound to a node. */
  onNode(of: ResourceRef, node: string): readonly KubeObject[];
}

export interface Failure {
  action: Action;
  error: Error;
}

export interface Controller<Observed> {
  name: string;
  /** Which resources it reads; the runner keeps a cache of each. */
  watches: readonly ResourceRef[];
  /** Who events are from (`deployment-controller`). */
  component: string;
  /**
   * The keys that a change concerns: pure, from the object before and after. A deletion comes with the last state as
   * `object` and `previous`, when the cache no longer holds it.
   */
  keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): readonly ObjectKey[];
  /**
   * Gathers what decide needs; undefined when there is nothing to do for this key. Most read the cache alone; who must see
   * what no cache holds (every kind in a namespace) or must be sure that something is absent asks the client.
   */
  observe(key: ObjectKey, cache: Cache, client: Client): Observed | undefined | Promise<Observed | undefined>;
  /** Pure: no await, no clock but `nowMs`, no I/O. */
  decide(observed: Observed, nowMs: number): Action[];
  /** What to do and say about actions that failed; the key is looked at again with backoff all the same. Pure. */
  failed?(observed: Observed, failures: readonly Failure[], nowMs: number): Action[];
  /**
   * For who is woken by more than `watches` (every kind there is): called when the runner starts; resolves to what ends it
   * once it has seen all there is.
   */
  attach?(enqueue: (key: ObjectKey) => void, informers: Informers): Promise<() => void>;
  /** Every key is looked at again after this long. */
  resyncMs?: number;
  /** Keys worked on at once. */
  workers?: number;
}
