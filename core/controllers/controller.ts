// A controller decides in pure code; the runner observes and acts. Requests are keys, not events.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { DeleteOptions, PatchType, ResourceRef } from '../client/client.ts';

/** What a controller wants done. The runner does them in order, through the Client; a conflict requeues the key. */
export type Action =
  | { do: 'create'; of: ResourceRef; object: KubeObject }
  | { do: 'update'; of: ResourceRef; object: KubeObject; subresource?: string }
  | { do: 'patch'; of: ResourceRef; key: ObjectKey; patch: unknown; type: PatchType; subresource?: string }
  | { do: 'delete'; of: ResourceRef; key: ObjectKey; options?: DeleteOptions }
  | { do: 'event'; about: KubeObject; type: 'Normal' | 'Warning'; reason: string; message: string }
  /** Look at this key again later even if nothing changes. */
  | { do: 'requeue'; afterMs: number };

/** Read-only view of the informers' caches. Objects are shared: never mutate. */
export interface Cache {
  get(of: ResourceRef, key: ObjectKey): KubeObject | undefined;
  list(of: ResourceRef, namespace?: string): readonly KubeObject[];
  /** Objects of `of` whose controller owner reference has this uid. */
  ownedBy(of: ResourceRef, ownerUid: string): readonly KubeObject[];
}

export interface Controller<Observed> {
  name: string;
  /** Which resources it reads; the runner keeps a cache of each. */
  watches: readonly ResourceRef[];
  /** The keys that a change concerns: pure, from the object before and after. */
  keysFor(of: ResourceRef, object: KubeObject, previous: KubeObject | undefined, cache: Cache): readonly ObjectKey[];
  /** Gathers what decide needs; undefined when there is nothing to do for this key. */
  observe(key: ObjectKey, cache: Cache): Observed | undefined;
  /** Pure: no await, no clock but `nowMs`, no I/O. */
  decide(observed: Observed, nowMs: number): Action[];
  /** Every key is looked at again after this long. */
  resyncMs?: number;
}
