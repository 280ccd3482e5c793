// The embedded durable driver. Reads come from memory; a write is acknowledged, and seen by anybody, only once it is in the
// journal, synced to the disk; LMDB follows in the background. There is one writer at a time; what arrives while it syncs
// goes together in the next sync.
import type { ObjectKey } from '../../core/api/objects.ts';
import type { LoggedChange, LogLimits } from '../../core/store/change-log.ts';
import { ChangeLog, checkListed, defaultLogLimits, firstFloor, firstRevision } from '../../core/store/change-log.ts';
import { orderOf, ResourceImage } from '../../core/store/image.ts';
import { Listeners } from '../../core/store/listeners.ts';
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
} from '../../core/store/store.ts';
import { RevisionExpired } from '../../core/store/store.ts';
import { Backlog, type BacklogLimits, defaultBacklogLimits } from './backlog.ts';
import { compact } from './compaction.ts';
import type { Opened } from './open.ts';
import { openDatabase } from './open.ts';
import type { Tables } from './rows.ts';
import { LoggedRow, readLog, StoredRow } from './rows.ts';
import { Writer } from './writer.ts';

export interface LmdbStoreOptions {
  /** Made if it is missing. */
  directory: string;
  /** Milliseconds since the epoch. */
  now?: () => number;
  limits?: Partial<LogLimits>;
  /** When the database follows the journal. */
  backlog?: BacklogLimits;
  /** Of each half of the journal of a new database. */
  journalHalfBytes?: number;
  /** Resources of which much is written and little read: their objects stay in memory only while somebody holds them. */
  seldomRead?: ReadonlySet<Resource>;
}

/** Changes of each resource that are kept in memory too (up to twice as many); older ones are read from the disk. */
const memoryChanges = 128;

/** What is known of one resource in memory. */
export interface Loaded {
  image: ResourceImage;
  log: ChangeLog;
  /** The oldest revision that the log on the disk goes on from. */
  floor: Revision;
  /** The database holds the changes up to here; later ones are in the journal and in memory only. */
  settled: Revision;
}

/** Throws DataDirectoryInUse and DataDirectoryNewer. */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<LmdbStore> {
  return new LmdbStore(await openDatabase(options.directory, options.journalHalfBytes), options);
}

export class LmdbStore implements Store {
  readonly #tables: Tables;
  readonly #opened: Opened;
  readonly #now: () => number;
  readonly #limits: LogLimits;
  readonly #seldomRead: ReadonlySet<Resource>;
  readonly #loaded = new Map<Resource, Loaded>();
  readonly #listeners = new Listeners();
  readonly #backlog: Backlog;
  readonly #writer: Writer;

  constructor(opened: Opened, options: LmdbStoreOptions) {
    this.#opened = opened;
    this.#tables = opened.tables;
    this.#now = options.now ?? Date.now;
    this.#limits = { ...defaultLogLimits, ...options.limits };
    this.#seldomRead = options.seldomRead ?? new Set();
    const { tables, journal } = opened;
    const settled = (resource: Resource, head: Revision): void => this.#settled(resource, head);
    this.#backlog = new Backlog(tables, journal, settled, options.backlog ?? defaultBacklogLimits);
    this.#writer = new Writer({
      journal,
      backlog: this.#backlog,
      sequence: tables.meta.get('journal') ?? 0,
      now: this.#now,
      load: (resource) => this.#load(resource),
      written: (resource, change) => this.#written(resource, change),
      skipped: (resource, head) => this.#skipped(resource, head),
    });
  }

  async get(resource: Resource, key: ObjectKey): Promise<StoredObject | undefined> {
    return this.#load(resource).image.get(key);
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    const { image, log, floor } = this.#load(resource);
    const revision = options.continueFrom?.revision ?? options.exact ?? log.head;
    checkListed(revision, floor, log.head);
    return image.list(options, revision, this.#since(resource, revision));
  }

  commit(commit: Commit): Promise<CommitResult> {
    return this.#writer.commit(commit);
  }

  async changesSince(resource: Resource, since: Revision, limit?: number): Promise<ChangePage> {
    const changes = this.#since(resource, since, limit).map((change) =>
      change instanceof LoggedRow ? change.read() : change,
    );
    return { changes, upTo: changes.at(-1)?.revision ?? this.#load(resource).log.head };
  }

  async head(resource: Resource): Promise<Revision> {
    return this.#load(resource).log.head;
  }

  onChange(listener: (resource: Resource) => void): () => void {
    return this.#listeners.add(listener);
  }

  counts(): ReadonlyMap<Resource, number> {
    return new Map([...this.#loaded].map(([resource, { image }]) => [resource, image.size]));
  }

  /** Drops changes that the limits no longer cover from the disk. Hosts call it now and then. */
  async compact(): Promise<void> {
    await this.#backlog.flush();
    const resources = Array.from(this.#tables.meta.getKeys({ start: ['head', ''], end: ['head', '\uffff'] }));
    for (const key of resources) {
      const resource = (key as [string, Resource])[1];
      const loaded = this.#load(resource);
      await compact(this.#tables, resource, loaded, this.#limits, this.#now());
      // Nothing is left: see ChangeLog.trim.
      if (loaded.floor === loaded.log.head) await this.#writer.skip(resource, loaded.floor);
    }
  }

  /** Waits for the writes under way. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.#backlog.close();
    this.#listeners.clear();
    await this.#opened.close();
  }

  #written(resource: Resource, change: LoggedChange): void {
    const loaded = this.#load(resource);
    loaded.image.apply(change);
    loaded.log.append(change);
    this.#shorten(resource, loaded);
    this.#listeners.notify(resource);
  }

  #settled(resource: Resource, head: Revision): void {
    const loaded = this.#load(resource);
    loaded.settled = head;
    this.#shorten(resource, loaded);
  }

  /** Keeps no more changes in memory than recent ones, and of what is seldom read no more objects. */
  #shorten(resource: Resource, { log, image, settled }: Loaded): void {
    if (log.length <= memoryChanges * 2) return;
    const dropped = log.shorten(memoryChanges, settled);
    if (!this.#seldomRead.has(resource)) return;
    for (const { key, revision, object } of dropped) {
      if (image.get(key)?.revision !== revision) continue;
      image.set(orderOf(key), new StoredRow(this.#tables, resource, revision, false, object));
    }
  }

  #skipped(resource: Resource, head: Revision): void {
    this.#load(resource).log.head = head;
    this.#listeners.notify(resource);
  }

  #since(resource: Resource, since: Revision, limit?: number): readonly LoggedChange[] {
    const { log, floor } = this.#load(resource);
    // What the disk has dropped has expired, even while it is still in memory.
    if (since < floor) throw new RevisionExpired(floor);
    if (since >= log.floor) return log.since(since, limit);
    const older = readLog(this.#tables, resource, since, log.floor, limit);
    return limit === undefined
      ? [...older, ...log.since(log.floor)]
      : [...older, ...log.since(log.floor, limit - older.length)];
  }

  #load(resource: Resource): Loaded {
    const known = this.#loaded.get(resource);
    if (known) return known;
    const head = this.#tables.meta.get(['head', resource]) ?? firstRevision;
    const floor = this.#tables.meta.get(['floor', resource]) ?? firstFloor;
    const image = new ResourceImage();
    const range = this.#tables.index.getRange({ start: [resource, ''], end: [resource, '\uffff'] });
    const keep = !this.#seldomRead.has(resource);
    for (const { key, value } of range) image.set(key[1], new StoredRow(this.#tables, resource, value, keep));
    const loaded: Loaded = { image, log: new ChangeLog(head, head), floor, settled: head };
    this.#loaded.set(resource, loaded);
    return loaded;
  }
}
