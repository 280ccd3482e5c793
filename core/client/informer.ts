// A cache of one resource, kept by list and watch. Reads are what the log has shown plus what this process itself wrote, so
// that who decides from the cache never misses its own writes ("read your writes").
// Follows the list-then-watch of https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
import { isStatus } from '../api/errors.ts';
import { type KubeObject, keyOf, keyString, type ObjectKey } from '../api/objects.ts';
import { type Ports, timestamp } from '../ports.ts';
import type { Client, ResourceRef, Selection, WatchEvent } from './client.ts';
import { ObjectIndex } from './object-index.ts';
import { resourceName } from './resources.ts';

const BACKOFF_FIRST_MS = 100;
const BACKOFF_LIMIT_MS = 30_000;
/** A watch that ended sooner than this is not begun anew at once. */
const WATCH_SHORT_MS = 1_000;

/** `object` is the state after the change; of a deletion, the last one known. */
export type InformerListener = (object: KubeObject, previous: KubeObject | undefined, deleted: boolean) => void;

export interface InformerOptions {
  selection?: Selection;
  /** Keeps less of each object (metadata only, say). Must keep apiVersion, kind and metadata. */
  transform?: (object: KubeObject) => KubeObject;
}

const versionOf = (object: KubeObject): number => Number(object.metadata.resourceVersion ?? 0);

export class Informer {
  readonly of: ResourceRef;
  readonly #client: Client;
  readonly #ports: Ports;
  readonly #options: InformerOptions;
  readonly #items = new ObjectIndex();
  readonly #listeners = new Set<InformerListener>();
  /** uids whose deletion this process asked for and the log has not shown yet. */
  readonly #deleting = new Map<string, string>();
  /** Up to here the log was seen, all keys counted. */
  #seen = 0;
  #synced = false;
  readonly #whenSynced: Promise<void>;
  #resolveSynced: () => void = () => {};
  #abort: AbortController | undefined;
  #refreshing: Promise<string> | undefined;
  #catchingUp: Promise<void> = Promise.resolve();

  constructor(client: Client, ports: Ports, of: ResourceRef, options: InformerOptions = {}) {
    this.of = of;
    this.#client = client;
    this.#ports = ports;
    this.#options = options;
    this.#whenSynced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
  }

  /** Whether the first list has arrived. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Up to here the log was read; 0 before the first list. */
  get revision(): number {
    return this.#seen;
  }

  whenSynced(): Promise<void> {
    return this.#whenSynced;
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: ObjectKey): KubeObject | undefined {
    return this.#items.get(keyString(key));
  }

  list(namespace?: string): readonly KubeObject[] {
    return this.#items.list(namespace);
  }

  ownedBy(ownerUid: string): readonly KubeObject[] {
    return this.#items.ownedBy(ownerUid);
  }

  /** Objects of a namespace that no controller owns. */
  orphans(namespace: string): readonly KubeObject[] {
    return this.#items.orphans(namespace);
  }

  /** Pods bound to a node. */
  onNode(node: string): readonly KubeObject[] {
    return this.#items.onNode(node);
  }

  /** The listener is called for what is there already, and for every change after. Returns an unsubscribe. */
  subscribe(listener: InformerListener): () => void {
    this.#listeners.add(listener);
    for (const object of this.#items.list()) listener(object, undefined, false);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    if (this.#abort) return;
    this.#abort = new AbortController();
    void this.#follow(this.#abort.signal);
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
  }

  /** The answer of a create, update or patch of this process. */
  wrote(object: KubeObject): void {
    // The log is read in order: what it has passed already is either in the cache or gone since.
    if (versionOf(object) > this.#seen) this.#put(object);
  }

  /** This process deleted the object: from now on it is shown with a deletion timestamp, until the log says more. */
  deletionAsked(key: ObjectKey, uid?: string): void {
    const object = this.get(key);
    const cachedUid = object?.metadata.uid;
    if (!object || !cachedUid || (uid && uid !== cachedUid) || object.metadata.deletionTimestamp) return;
    this.#deleting.set(cachedUid, timestamp(this.#ports.clock.now()));
    this.#put(object, true);
  }

  #put(raw: KubeObject, force = false): void {
    const shaped = this.#options.transform ? this.#options.transform(raw) : raw;
    const key = keyString(keyOf(shaped));
    const previous = this.#items.get(key);
    if (previous && !force && versionOf(previous) > versionOf(shaped)) return;
    const object = this.#overlayDeletion(shaped);
    if (previous && !force && versionOf(previous) === versionOf(shaped)) {
      // The echo of an own write: the same, but perhaps shared with the store, where the answer was a copy.
      this.#items.put(key, object);
      return;
    }
    this.#items.put(key, object);
    this.#notify(object, previous, false);
  }

  #overlayDeletion(object: KubeObject): KubeObject {
    const uid = object.metadata.uid ?? '';
    const asked = this.#deleting.get(uid);
    if (!asked) return object;
    if (object.metadata.deletionTimestamp) {
      this.#deleting.delete(uid);
      return object;
    }
    return { ...object, metadata: { ...object.metadata, deletionTimestamp: asked } };
  }

  #remove(key: string, version: number): void {
    const previous = this.#items.get(key);
    // An older deletion of a name that this process has made anew since.
    if (!previous || versionOf(previous) > version) return;
    this.#deleting.delete(previous.metadata.uid ?? '');
    this.#items.remove(key);
    this.#notify(previous, previous, true);
  }

  #notify(object: KubeObject, previous: KubeObject | undefined, deleted: boolean): void {
    for (const listener of this.#listeners) listener(object, previous, deleted);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let from: string | undefined;
    let backoff = BACKOFF_FIRST_MS;
    while (!signal.aborted) {
      const begun = this.#ports.clock.now();
      try {
        from ??= await this.#relist(signal);
        for await (const event of this.#client.watch(this.of, from, this.#options.selection, signal)) {
          if (signal.aborted) return;
          from = event.type === 'BOOKMARK' ? event.resourceVersion : (event.object.metadata.resourceVersion ?? from);
          backoff = BACKOFF_FIRST_MS;
          this.#take(event, Number(from));
        }
        if (this.#ports.clock.now() - begun >= WATCH_SHORT_MS) continue;
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 'Expired', 'Gone')) from = undefined;
        // The resource itself is gone (its definition was deleted): nothing of it is left.
        else if (isStatus(error, 'NotFound')) {
          from = undefined;
          this.#replace([], Number.MAX_SAFE_INTEGER);
        }
        const message = error instanceof Error ? error.message : String(error);
        this.#ports.log('warn', 'watch ended', { resource: resourceName(this.of), message, retryMs: backoff });
      }
      await this.#wait(backoff, signal);
      backoff = Math.min(backoff * 2, BACKOFF_LIMIT_MS);
    }
  }

  #take(event: WatchEvent, revision: number): void {
    // Said before, or covered by a list since.
    if (revision <= this.#seen) return;
    this.#seen = revision;
    if (event.type === 'DELETED') this.#remove(keyString(keyOf(event.object)), revision);
    else if (event.type !== 'BOOKMARK') this.#put(event.object);
  }

  /**
   * For hosts that hold no watch: brings the cache to what the log holds when called, tells the listeners, and returns. The
   * first time, and when the log no longer reaches back, it lists. Rejects when nothing can be read.
   */
  catchUp(): Promise<void> {
    // One under way may have read before the caller's moment.
    const run = this.#catchingUp.catch(() => undefined).then(() => this.#readOn());
    this.#catchingUp = run;
    return run;
  }

  async #readOn(): Promise<void> {
    try {
      const from = String(this.#seen);
      const changes = this.#synced ? await this.#client.changes?.(this.of, from, this.#options.selection) : undefined;
      if (!changes) {
        await this.refresh();
        return;
      }
      for (const event of changes.events) {
        if (event.type !== 'BOOKMARK') this.#take(event, versionOf(event.object));
      }
      this.#seen = Math.max(this.#seen, Number(changes.resourceVersion));
    } catch (error) {
      if (isStatus(error, 'Expired', 'Gone')) await this.refresh();
      else throw error;
    }
  }

  /** Lists anew: after a write whose answer was lost, only this says whether it took effect. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#relist().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #relist(signal?: AbortSignal): Promise<string> {
    const { items, resourceVersion } = await this.#client.list(this.of, this.#options.selection);
    const revision = Number(resourceVersion);
    // A list that was overtaken by the watch says nothing new.
    if (signal?.aborted || revision < this.#seen) return resourceVersion;
    this.#replace(items, revision);
    this.#seen = revision;
    if (!this.#synced) {
      this.#synced = true;
      this.#resolveSynced();
    }
    return resourceVersion;
  }

  #replace(items: readonly KubeObject[], version: number): void {
    const listed = new Set<string>();
    for (const object of items) {
      listed.add(keyString(keyOf(object)));
      this.#put(object);
    }
    for (const object of [...this.#items.list()]) {
      const key = keyString(keyOf(object));
      if (!listed.has(key)) this.#remove(key, version);
    }
  }

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.#ports.clock.after(ms, done);
      signal.addEventListener('abort', done);
    });
  }
}
