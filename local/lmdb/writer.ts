// Group commit: conditions are checked when a batch is put together, against what stands plus what the batch writes.
import { StatusError } from '../../core/api/errors.ts';
import type { LoggedChange } from '../../core/store/change-log.ts';
import { orderOf } from '../../core/store/image.ts';
import { applied, conditionHolds } from '../../core/store/revision.ts';
import type { Commit, CommitResult, Resource, Revision, StoredObject } from '../../core/store/store.ts';
import type { Backlog } from './backlog.ts';
import type { Journal } from './journal.ts';
import type { Batch } from './journal-record.ts';
import { encodeRows } from './rows.ts';
import type { Loaded } from './store.ts';

export interface WriterDeps {
  journal: Journal;
  backlog: Backlog;
  /** The last batch that the database has taken. */
  sequence: number;
  now(): number;
  load(resource: Resource): Loaded;
  /** Called in order of revision once the change is durable. */
  written(resource: Resource, change: LoggedChange): void;
  /** Called once it is durable that the head has moved without a change. */
  skipped(resource: Resource, head: Revision): void;
}

/** Takes a revision without a change, if the head is still the expected one. */
interface Skip {
  readonly op: 'skip';
  readonly resource: Resource;
  readonly expected: Revision;
}

interface Waiting {
  commit: Commit | Skip;
  resolve(result: CommitResult): void;
  reject(error: unknown): void;
}

/** A batch's writes to one resource. */
interface Draft {
  head: Revision;
  changes: LoggedChange[];
  /** What stands there once the batch is written. */
  after: Map<string, StoredObject | undefined>;
}

/** Bounds the size of a transaction, and with it how long a write waits for those beside it. */
const maxBatch = 128;

export class Writer {
  readonly #deps: WriterDeps;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;
  #sequence: number;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
    this.#sequence = deps.sequence;
  }

  commit(commit: Commit): Promise<CommitResult> {
    return this.#enqueue(commit);
  }

  async skip(resource: Resource, expected: Revision): Promise<void> {
    await this.#enqueue({ op: 'skip', resource, expected });
  }

  #enqueue(commit: Commit | Skip): Promise<CommitResult> {
    if (this.#closed) return Promise.reject(new StatusError('ServiceUnavailable', 'the store is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ commit, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Requests that the event loop finds together share the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, maxBatch);
      try {
        await this.#write(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const drafts = new Map<Resource, Draft>();
    const results = batch.map(({ commit }) => this.#draft(drafts, commit));
    if (drafts.size > 0) await this.#store(drafts);
    for (const [resource, draft] of drafts) {
      for (const change of draft.changes) this.#deps.written(resource, change);
      if (this.#deps.load(resource).log.head < draft.head) this.#deps.skipped(resource, draft.head);
    }
    for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
  }

  /** A refused write is told what refused it, which a later write of the same batch may have replaced. */
  #draft(drafts: Map<Resource, Draft>, commit: Commit | Skip): CommitResult {
    const loaded = this.#deps.load(commit.resource);
    const draft = drafts.get(commit.resource);
    if (commit.op === 'skip') {
      if ((draft?.head ?? loaded.log.head) !== commit.expected) return { ok: false, current: undefined };
      const head = commit.expected + 1;
      drafts.set(commit.resource, { changes: [], after: new Map(), ...draft, head });
      return { ok: true, revision: head };
    }
    const order = orderOf(commit.key);
    const current = draft?.after.has(order) ? draft.after.get(order) : loaded.image.get(commit.key);
    if (!conditionHolds(commit, current)) return { ok: false, current };
    const into: Draft = draft ?? { head: loaded.log.head, changes: [], after: new Map() };
    const change = applied(commit, current, into.head + 1, this.#deps.now());
    into.head = change.revision;
    into.changes.push(change);
    into.after.set(order, commit.op === 'put' ? { object: change.object, revision: change.revision } : undefined);
    drafts.set(commit.resource, into);
    return { ok: true, revision: change.revision };
  }

  /** All or nothing. Throws ServiceUnavailable when nothing was written. */
  async #store(drafts: ReadonlyMap<Resource, Draft>): Promise<void> {
    const parts = Array.from(drafts, ([resource, { head, changes }]) => ({
      resource,
      head,
      rows: encodeRows(changes),
    }));
    const batch = { sequence: this.#sequence + 1, parts };
    if (await this.#journaled(batch)) this.#deps.backlog.add(batch);
    else await this.#writeThrough(batch);
    // Not before: the journal's batches follow each other without a gap.
    this.#sequence = batch.sequence;
  }

  /** False: the journal has no room for it or does not work, and the database has to take it at once. */
  async #journaled(batch: Batch): Promise<boolean> {
    const { journal, backlog } = this.#deps;
    try {
      if (await journal.append(batch)) return true;
      // There is room once the database has taken what waits.
      await backlog.flush();
      return await journal.append(batch);
    } catch {
      return false;
    }
  }

  async #writeThrough(batch: Batch): Promise<void> {
    const { journal, backlog } = this.#deps;
    try {
      await backlog.flush(batch);
    } catch (error) {
      throw unavailable(error, await journal.withdraw());
    }
  }
}

/** `withdrawn`: nothing of the write is left on the disk. */
function unavailable(error: unknown, withdrawn: boolean): StatusError {
  const text = error instanceof Error ? error.message : String(error);
  const why = /no space left|ENOSPC|MDB_MAP_FULL/i.test(text) ? 'the disk is full' : `the disk failed: ${text}`;
  const outcome = withdrawn ? 'nothing was changed' : 'nothing is changed now, but a restart may bring the write back';
  return new StatusError('ServiceUnavailable', `the store cannot write: ${why}; ${outcome}`);
}
