// A fresh in-memory view of whole resources, for authorizers and admission that look at many objects at each request.
// It lists once and reads only the change log after that, so an unmoved resource costs one `head`. Each read first catches
// up with what was committed before the read began: two API servers on one store never decide on an older state.
// For one known key `store.get` is cheaper.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import type { Change, Resource, Revision, Store, StoredObject } from '../store/store.ts';
import { RevisionExpired } from '../store/store.ts';

/** Objects by a value of their own (`pods` by node); the name must be unique within the resource. */
export interface Index {
  name: string;
  keys(object: KubeObject): readonly string[];
}

/** The objects are the store's own: never mutate them. */
export interface Lister {
  /** All objects of a resource, or those of one namespace ('' is all). */
  list(resource: Resource, namespace?: string): Promise<readonly KubeObject[]>;
  get(resource: Resource, key: ObjectKey): Promise<StoredObject | undefined>;
  by(resource: Resource, index: Index, value: string): Promise<readonly KubeObject[]>;
  /** The view itself after catching up, for several reads of one state. */
  view(resource: Resource): Promise<View>;
  /** Calls back within each catching up, before its read is answered. */
  observe(resource: Resource, observer: Observer): void;
}

/** Told what a view learns, in order. */
export interface Observer {
  /** The view was listed anew: changes before its revision are not told. */
  listed(view: View): void;
  changed(change: Change, previous: KubeObject | undefined): void;
}

export interface View {
  readonly revision: Revision;
  list(namespace?: string): readonly KubeObject[];
  get(key: ObjectKey): StoredObject | undefined;
  by(index: Index, value: string): readonly KubeObject[];
  /** With their revisions. */
  entries(namespace?: string): readonly StoredObject[];
  entriesBy(index: Index, value: string): readonly StoredObject[];
}

const changesPerPage = 1000;

type Bucket = Map<string, StoredObject>;

const storageKey = (key: ObjectKey): string => `${key.namespace}/${key.name}`;

class ResourceView implements View {
  revision: Revision = -1;
  private readonly store: Store;
  private readonly resource: Resource;
  private readonly namespaces = new Map<string, Bucket>();
  private readonly indexes = new Map<string, { index: Index; values: Map<string, Bucket> }>();
  private readonly observers: Observer[] = [];
  private running: Promise<void> | undefined;
  private queued: Promise<void> | undefined;

  constructor(store: Store, resource: Resource) {
    this.store = store;
    this.resource = resource;
  }

  /** A run under way may have read the head before the caller's moment, so the caller waits for the next one. */
  catchUp(): Promise<void> {
    if (!this.running) return this.start();
    this.queued ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.queued = undefined;
        return this.start();
      });
    return this.queued;
  }

  private start(): Promise<void> {
    const run = this.read().finally(() => {
      if (this.running === run) this.running = undefined;
    });
    this.running = run;
    return run;
  }

  private async read(): Promise<void> {
    if (this.revision < 0) return this.relist();
    const head = await this.store.head(this.resource);
    try {
      while (this.revision < head) {
        const page = await this.store.changesSince(this.resource, this.revision, changesPerPage);
        for (const change of page.changes) {
          const previous = this.get(change.key)?.object;
          this.remove(change.key);
          if (change.type !== 'DELETED') this.add(change.key, { object: change.object, revision: change.revision });
          for (const observer of this.observers) observer.changed(change, previous);
        }
        if (page.upTo <= this.revision) return;
        this.revision = page.upTo;
      }
    } catch (error) {
      if (!(error instanceof RevisionExpired)) throw error;
      await this.relist();
    }
  }

  private async relist(): Promise<void> {
    const page = await this.store.list(this.resource);
    this.namespaces.clear();
    for (const { values } of this.indexes.values()) values.clear();
    for (const item of page.items) {
      const { namespace = '', name = '' } = item.object.metadata;
      this.add({ namespace, name }, item);
    }
    this.revision = page.revision;
    for (const observer of this.observers) observer.listed(this);
  }

  observe(observer: Observer): void {
    this.observers.push(observer);
    if (this.revision >= 0) observer.listed(this);
  }

  private add(key: ObjectKey, item: StoredObject): void {
    let bucket = this.namespaces.get(key.namespace);
    if (!bucket) this.namespaces.set(key.namespace, (bucket = new Map()));
    bucket.set(key.name, item);
    for (const { index, values } of this.indexes.values()) addTo(values, index, key, item);
  }

  private remove(key: ObjectKey): void {
    const bucket = this.namespaces.get(key.namespace);
    const item = bucket?.get(key.name);
    if (!bucket || !item) return;
    bucket.delete(key.name);
    if (bucket.size === 0) this.namespaces.delete(key.namespace);
    for (const { index, values } of this.indexes.values()) {
      for (const value of index.keys(item.object)) {
        const entries = values.get(value);
        entries?.delete(storageKey(key));
        if (entries?.size === 0) values.delete(value);
      }
    }
  }

  entries(namespace = ''): readonly StoredObject[] {
    const buckets = namespace ? [this.namespaces.get(namespace)] : [...this.namespaces.values()];
    return buckets.flatMap((bucket) => (bucket ? [...bucket.values()] : []));
  }

  list(namespace = ''): readonly KubeObject[] {
    return this.entries(namespace).map((item) => item.object);
  }

  get(key: ObjectKey): StoredObject | undefined {
    return this.namespaces.get(key.namespace)?.get(key.name);
  }

  entriesBy(index: Index, value: string): readonly StoredObject[] {
    let known = this.indexes.get(index.name);
    if (!known) {
      known = { index, values: new Map() };
      for (const [namespace, bucket] of this.namespaces) {
        for (const [name, item] of bucket) addTo(known.values, index, { namespace, name }, item);
      }
      this.indexes.set(index.name, known);
    }
    return [...(known.values.get(value)?.values() ?? [])];
  }

  by(index: Index, value: string): readonly KubeObject[] {
    return this.entriesBy(index, value).map((item) => item.object);
  }
}

function addTo(values: Map<string, Bucket>, index: Index, key: ObjectKey, item: StoredObject): void {
  for (const value of index.keys(item.object)) {
    let entries = values.get(value);
    if (!entries) values.set(value, (entries = new Map()));
    entries.set(storageKey(key), item);
  }
}

export function createLister(store: Store): Lister {
  const views = new Map<Resource, ResourceView>();
  const viewOf = (resource: Resource): ResourceView => {
    let found = views.get(resource);
    if (!found) views.set(resource, (found = new ResourceView(store, resource)));
    return found;
  };
  const view = async (resource: Resource): Promise<View> => {
    const found = viewOf(resource);
    await found.catchUp();
    return found;
  };
  return {
    view,
    list: async (resource, namespace) => (await view(resource)).list(namespace),
    get: async (resource, key) => (await view(resource)).get(key),
    by: async (resource, index, value) => (await view(resource)).by(index, value),
    observe: (resource, observer) => viewOf(resource).observe(observer),
  };
}
