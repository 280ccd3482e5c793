// Group commit: conditions are checked when a batch is put together, against what stands plus what the batch writes.
import { StatusError } from '../../core/api/errors.ts';
import type { LoggedChange } from '../../core/store/change-log.ts';
import { orderOf } from '../../core/store/image.ts';
import { applied, conditionHolds } from '../../core/store/revision.ts';
import type { Commit, CommitResult, Resource, Revision, StoredObject } from '../../core/store/store.ts';
import type { Tables } from './rows.ts';
import { encodeRow } from './rows.ts';
import type { Loaded } from './store.ts';

export interface WriterDeps {
  tables: Tables;
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

  constructor(deps: WriterDeps) {
    this.#deps = deps;
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
    batch.forEach(({ commit, resolve }, i) => {
      const revision = results[i];
      if (revision !== undefined) resolve({ ok: true, revision });
      else resolve({ ok: false, current: this.#standing(commit) });
    });
  }

  #standing(commit: Commit | Skip): StoredObject | undefined {
    return commit.op === 'skip' ? undefined : this.#deps.load(commit.resource).image.get(commit.key);
  }

  /** Undefined when the condition does not hold. */
  #draft(drafts: Map<Resource, Draft>, commit: Commit | Skip): Revision | undefined {
    const loaded = this.#deps.load(commit.resource);
    const draft = drafts.get(commit.resource);
    if (commit.op === 'skip') {
      if ((draft?.head ?? loaded.log.head) !== commit.expected) return undefined;
      const head = commit.expected + 1;
      drafts.set(commit.resource, { changes: [], after: new Map(), ...draft, head });
      return head;
    }
    const order = orderOf(commit.key);
    const current = draft?.after.has(order) ? draft.after.get(order) : loaded.image.get(commit.key);
    if (!conditionHolds(commit, current)) return undefined;
    const into: Draft = draft ?? { head: loaded.log.head, changes: [], after: new Map() };
    const change = applied(commit, current, into.head + 1, this.#deps.now());
    into.head = change.revision;
    into.changes.push(change);
    into.after.set(order, commit.op === 'put' ? { object: change.object, revision: change.revision } : undefined);
    drafts.set(commit.resource, into);
    return change.revision;
  }

  /** All or nothing. Throws ServiceUnavailable when nothing was written. */
  async #store(drafts: ReadonlyMap<Resource, Draft>): Promise<void> {
    const { root, rows, index, meta } = this.#deps.tables;
    // Encoded before anything is queued: an object that cannot be encoded must not leave half a transaction.
    const encoded = Array.from(drafts, ([resource, draft]) => ({
      resource,
      draft,
      rows: draft.changes.map((change) => [change.revision, encodeRow(change)] as const),
    }));
    try {
      await root.batch(() => {
        for (const { resource, draft, rows: written } of encoded) {
          for (const [revision, row] of written) together(rows.put([resource, revision], row));
          for (const [order, stands] of draft.after) {
            if (stands) together(index.put([resource, order], stands.revision));
            else together(index.remove([resource, order]));
          }
          together(meta.put(['head', resource], draft.head));
        }
      });
    } catch (error) {
      if (this.#tookEffect(drafts)) return;
      throw await unavailable(error);
    }
  }

  /** After an error only the database knows whether the transaction stands. */
  #tookEffect(drafts: ReadonlyMap<Resource, Draft>): boolean {
    const [first] = drafts;
    return first !== undefined && this.#deps.tables.meta.get(['head', first[0]]) === first[1].head;
  }
}

/** Each write has a promise of its own, which fails when the transaction does: that is told once, by the batch's. */
export const together = (written: Promise<boolean>): void => void written.catch(() => undefined);

async function unavailable(error: unknown): Promise<StatusError> {
  const cause = await (error as { commitError?: Promise<never> }).commitError?.catch((why: unknown) => why);
  const text = String((cause as Error | undefined)?.message ?? (error as Error).message ?? error);
  const why = /no space left|ENOSPC|MDB_MAP_FULL/i.test(text) ? 'the disk is full' : `the disk failed: ${text}`;
  return new StatusError('ServiceUnavailable', `the store cannot write: ${why}; nothing was changed`);
}
