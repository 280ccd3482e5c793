// The reference driver: everything in memory, every rule of the store port and nothing else.
import type { ObjectKey } from '../api/objects.ts';
import type { LoggedChange, LogLimits } from './change-log.ts';
import { ChangeLog, checkListed, defaultLogLimits } from './change-log.ts';
import { ResourceImage } from './image.ts';
import { Listeners } from './listeners.ts';
import { applied, conditionHolds } from './revision.ts';
import type {
  ChangePage,
  Commit,
  CommitResult,
  ListOptions,
  ListPage,
  Resource,
  Revision,
  Store,
  StoredObject,
} from './store.ts';

export interface MemoryStoreOptions {
  /** Milliseconds since the epoch; ages of changes are measured by it. */
  now?: () => number;
  limits?: Partial<LogLimits>;
}

export class MemoryStore implements Store {
  readonly #images = new Map<Resource, ResourceImage>();
  readonly #logs = new Map<Resource, ChangeLog>();
  readonly #listeners = new Listeners();
  readonly #now: () => number;
  readonly #limits: LogLimits;

  constructor(options: MemoryStoreOptions = {}) {
    this.#now = options.now ?? (() => 0);
    this.#limits = { ...defaultLogLimits, ...options.limits };
  }

  async get(resource: Resource, key: ObjectKey): Promise<StoredObject | undefined> {
    return this.#image(resource).get(key);
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    const log = this.#log(resource);
    log.trim(this.#limits, this.#now());
    const revision = options.continueFrom?.revision ?? options.exact ?? log.head;
    checkListed(revision, log.floor, log.head);
    return this.#image(resource).list(options, revision, log.since(revision));
  }

  async commit(commit: Commit): Promise<CommitResult> {
    const { resource, key } = commit;
    const current = this.#image(resource).get(key);
    if (!conditionHolds(commit, current)) return { ok: false, current };
    const log = this.#log(resource);
    const change: LoggedChange = applied(commit, current, log.head + 1, this.#now());
    this.#image(resource).apply(change);
    log.append(change);
    log.trim(this.#limits, this.#now());
    this.#listeners.notify(resource);
    return { ok: true, revision: change.revision };
  }

  async changesSince(resource: Resource, since: Revision, limit?: number): Promise<ChangePage> {
    const log = this.#log(resource);
    log.trim(this.#limits, this.#now());
    const changes = log.since(since, limit);
    return { changes, upTo: changes.at(-1)?.revision ?? log.head };
  }

  async head(resource: Resource): Promise<Revision> {
    const log = this.#log(resource);
    log.trim(this.#limits, this.#now());
    return log.head;
  }

  onChange(listener: (resource: Resource) => void): () => void {
    return this.#listeners.add(listener);
  }

  counts(): ReadonlyMap<Resource, number> {
    return new Map([...this.#images].map(([resource, { size }]) => [resource, size]));
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #image(resource: Resource): ResourceImage {
    let image = this.#images.get(resource);
    if (!image) this.#images.set(resource, (image = new ResourceImage()));
    return image;
  }

  #log(resource: Resource): ChangeLog {
    let log = this.#logs.get(resource);
    if (!log) this.#logs.set(resource, (log = new ChangeLog()));
    return log;
  }
}
