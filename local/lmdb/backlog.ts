// Batches that are in the journal and not yet in the database: written to it together, in one transaction, soon and in the
// background. The transaction also says up to which batch the database stands, so that none is taken twice or left out.
import type { Resource, Revision } from '../../core/store/store.ts';
import type { Journal } from './journal.ts';
import type { Batch } from './journal-record.ts';
import { decodeHeader, type Tables } from './rows.ts';

export interface BacklogLimits {
  /** As soon as this much waits, or the oldest has waited for so long, the database is written. */
  bytes: number;
  ms: number;
}

export const defaultBacklogLimits: BacklogLimits = { bytes: 256 * 1024, ms: 2_000 };

/** Called once the database holds a resource's changes up to a revision. */
export type OnSettled = (resource: Resource, head: Revision) => void;

const sizeOf = ({ parts }: Batch): number =>
  parts.reduce((sum, { rows }) => rows.reduce((bytes, [, row]) => bytes + row.length, sum), 0);

export class Backlog {
  readonly #tables: Tables;
  readonly #journal: Journal;
  readonly #limits: BacklogLimits;
  readonly #onSettled: OnSettled;
  #waiting: Batch[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(tables: Tables, journal: Journal, onSettled: OnSettled, limits: BacklogLimits) {
    this.#tables = tables;
    this.#journal = journal;
    this.#onSettled = onSettled;
    this.#limits = limits;
  }

  /** Takes a batch that is in the journal. */
  add(batch: Batch): void {
    this.#waiting.push(batch);
    this.#bytes += sizeOf(batch);
    if (this.#bytes >= this.#limits.bytes) this.#flushSoon(0);
    else this.#flushSoon(this.#limits.ms);
  }

  /** Writes what waits, and `last`, which is in no journal. Rejects when the database did not take it; `last` is forgotten then. */
  async flush(last?: Batch): Promise<void> {
    while (this.#running) await this.#running.catch(() => undefined);
    const batches = last ? [...this.#waiting, last] : [...this.#waiting];
    if (batches.length === 0) return;
    this.#running = this.#write(batches).finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    // What the disk does not take now is in the journal.
    await this.flush().catch(() => undefined);
    clearTimeout(this.#timer);
  }

  /** A failure is nobody's in particular: the batches are safe in the journal, and are tried again. */
  #flushSoon(ms: number): void {
    if (this.#timer && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#running) return this.#flushSoon(this.#limits.ms);
      this.#timer = undefined;
      this.flush().catch(() => this.#flushSoon(this.#limits.ms));
    }, ms);
    this.#timer.unref();
  }

  async #write(batches: readonly Batch[]): Promise<void> {
    const { sequence } = batches.at(-1)!;
    try {
      await writeBatches(this.#tables, batches);
    } catch (error) {
      // After an error only the database knows whether the transaction stands.
      if (this.#tables.meta.get('journal') !== sequence) throw error;
    }
    this.#waiting = this.#waiting.filter((batch) => batch.sequence > sequence);
    this.#bytes = this.#waiting.reduce((sum, batch) => sum + sizeOf(batch), 0);
    this.#journal.settle(sequence);
    for (const [resource, head] of headsOf(batches)) this.#onSettled(resource, head);
  }
}

const headsOf = (batches: readonly Batch[]): Map<Resource, Revision> =>
  new Map(batches.flatMap(({ parts }) => parts.map(({ resource, head }) => [resource, head] as const)));

/** All or nothing; on the disk once it resolves. */
export async function writeBatches(tables: Tables, batches: readonly Batch[]): Promise<void> {
  const { rows, index, meta } = tables;
  const standing = new Map<Resource, Map<string, Revision | undefined>>();
  for (const { resource, rows: written } of batches.flatMap(({ parts }) => parts)) {
    const orders = standing.get(resource) ?? new Map<string, Revision | undefined>();
    standing.set(resource, orders);
    for (const [revision, row] of written) {
      const { type, order } = decodeHeader(row);
      orders.set(order, type === 'DELETED' ? undefined : revision);
    }
  }
  await transaction(tables, () => {
    for (const { resource, rows: written } of batches.flatMap(({ parts }) => parts))
      for (const [revision, row] of written) together(rows.put([resource, revision], row));
    for (const [resource, orders] of standing) {
      for (const [order, revision] of orders) {
        if (revision === undefined) together(index.remove([resource, order]));
        else together(index.put([resource, order], revision));
      }
    }
    for (const [resource, head] of headsOf(batches)) together(meta.put(['head', resource], head));
    together(meta.put('journal', batches.at(-1)!.sequence));
  });
}

/** What `body` queues, all or nothing; on the disk once it resolves. Rejects with the reason of the failure. */
export async function transaction({ root }: Tables, body: () => void): Promise<void> {
  try {
    await root.batch(body);
  } catch (error) {
    // The reason comes by a promise of its own.
    const reason = await (error as { commitError?: Promise<never> }).commitError?.catch((why: unknown) => why);
    throw reason ?? error;
  }
}

/** Each write has a promise of its own, which fails when the transaction does: that is told once, by the batch's. */
export const together = (written: Promise<boolean>): void => void written.catch(() => undefined);
