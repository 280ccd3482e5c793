// The tables of the revision protocol with everything that a network does to requests: they take their time, are refused, are
// never answered, and arrive long after nobody waits for them any more.
import type { Op, Outcome, Row, ScanPage } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import type { Flaws } from '../model/table.ts';
import { Table } from '../model/table.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Faults {
  /** Of a thousand requests, how many are refused (throttled). */
  refused: number;
  /** ... how many get no answer. */
  unanswered: number;
  /** ... how many are on their way for seconds. */
  slow: number;
}

/** What a seed decides; both generators of the simulations are one. */
interface Random {
  /** 0 <= value < bound */
  below(bound: number): number;
}

/** Told of each row when it is put, as the table's stream is. */
export type RowListener = (resource: Resource, row: Row) => void;

const isRead = (op: Op): boolean => ['counter', 'counters', 'read', 'rows', 'rowsAt', 'scan'].includes(op.do);

export class FakeTable {
  readonly table: Table;
  /** Every row that was ever there. */
  readonly history = new Map<Resource, Map<Revision, Row>>();
  operations = 0;
  faults: Faults = { refused: 0, unanswered: 0, slow: 0 };
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #onRow: RowListener | undefined;

  constructor(time: VirtualTime, random: Random, flaws: Flaws = {}, onRow?: RowListener) {
    this.table = new Table(flaws);
    this.#time = time;
    this.#random = random;
    this.#onRow = onRow;
  }

  /** For one process: once it is dead it hears nothing more, but what it sent arrives. */
  executor(isDead: () => boolean): (op: Op) => Promise<Outcome> {
    return (op) =>
      new Promise((resolve) => {
        if (isDead()) return;
        this.send(op, (outcome) => {
          if (!isDead()) resolve(outcome);
        });
      });
  }

  /** Does an operation, sooner or later; what nobody answers ends as lost after a while. */
  send(op: Op, answer: (outcome: Outcome) => void): void {
    const random = this.#random;
    const chance = random.below(1_000);
    const { refused, unanswered, slow } = this.faults;
    this.operations++;
    const onWayMs = 1 + random.below(random.below(1_000) < slow ? 5_000 : 15);
    const backMs = 1 + random.below(5);
    if (chance < refused) {
      const error = op.do === 'write' && random.below(2) === 0 ? 'TransactionConflict' : 'throttled';
      this.#time.after(onWayMs, () => answer({ ended: 'failed', error }));
    } else if (chance < refused + unanswered) {
      const ended = isRead(op) ? 'failed' : 'lost';
      const timeoutMs = 100 + random.below(1_000);
      this.#time.after(timeoutMs, () => answer({ ended, error: 'no answer in time' }));
      // Before the caller has given up, after it, or never.
      if (random.below(3) > 0) this.#time.after(random.below(2 * timeoutMs), () => this.#apply(op));
    } else {
      this.#time.after(onWayMs, () => {
        const value = this.#apply(op);
        this.#time.after(backMs, () => answer({ ended: 'done', value }));
      });
    }
  }

  #apply(op: Op): unknown {
    const value = this.table.apply(op);
    if (op.do === 'write' || op.do === 'void')
      this.#remember(op.resource, op.do === 'write' ? op.row.revision : op.revision);
    return op.do === 'scan' ? this.#cutShort(value as ScanPage) : value;
  }

  /** Pages end early when objects are large. */
  #cutShort(page: ScanPage): ScanPage {
    if (page.slots.length < 2 || this.#random.below(3) > 0) return page;
    return { slots: page.slots.slice(0, 1 + this.#random.below(page.slots.length - 1)), more: true };
  }

  #remember(resource: Resource, revision: Revision): void {
    let rows = this.history.get(resource);
    if (!rows) this.history.set(resource, (rows = new Map()));
    const { rows: there, counter } = this.table.part(resource);
    const row = there.get(revision);
    const known = rows.get(revision);
    if (!row || row === known) return;
    if (!known) {
      rows.set(revision, row);
      this.#onRow?.(resource, row);
    }
    // What has expired may be sealed once nobody can read the log from before it.
    else if (row.kind !== 'void' || counter.floor < revision)
      throw new Error(`row ${revision} of ${resource} has changed`);
  }
}
