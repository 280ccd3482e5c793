// The tables that the revision protocol runs on, in memory: what each operation does, at once and all or nothing.
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import { hasIndexValue } from '../../core/store/protocol/indexes.ts';
import type { Counter, CounterOf, Op, Row, ScanPage, Slot, WriteOutcome } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';

type Write = Extract<Op, { do: 'write' }>;
type Scan = Extract<Op, { do: 'scan' }>;

/** What the rules of the protocol forbid, to show that its checkers notice. */
export interface Flaws {
  /** A deletion leaves nothing behind. */
  noTombstones?: boolean;
  /** A write does not look whether its row is there. */
  rowUnchecked?: boolean;
}

const untouched: Counter = { taken: 1, floor: 0, sealed: 1, sealedAt: Number.POSITIVE_INFINITY };

/** One resource's counter, rows and slots. */
export class Part {
  counter: Counter = untouched;
  readonly rows = new Map<Revision, Row>();
  readonly slots = new Map<string, Slot>();
  /** Keys of `slots` in order. */
  orders: string[] = [];

  clone(): Part {
    const part = new Part();
    part.counter = this.counter;
    for (const [revision, row] of this.rows) part.rows.set(revision, row);
    for (const [order, slot] of this.slots) part.slots.set(order, slot);
    part.orders = [...this.orders];
    return part;
  }

  put(order: string, slot: Slot): void {
    if (!this.slots.has(order)) this.orders.splice(firstAtLeast(this.orders, order), 0, order);
    this.slots.set(order, slot);
  }

  remove(order: string): void {
    if (this.slots.delete(order)) this.orders.splice(firstAtLeast(this.orders, order), 1);
  }
}

function firstAtLeast(orders: readonly string[], order: string): number {
  let low = 0;
  let high = orders.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orders[middle]! < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Table {
  readonly parts = new Map<Resource, Part>();
  readonly #flaws: Flaws;

  constructor(flaws: Flaws = {}) {
    this.#flaws = flaws;
  }

  clone(): Table {
    const table = new Table(this.#flaws);
    for (const [resource, part] of this.parts) table.parts.set(resource, part.clone());
    return table;
  }

  part(resource: Resource): Part {
    let part = this.parts.get(resource);
    if (!part) this.parts.set(resource, (part = new Part()));
    return part;
  }

  /** Does an operation; the value is what its outcome carries. */
  apply(op: Op): unknown {
    if (op.do === 'wait') return undefined;
    if (op.do === 'counters') return this.#counters();
    const part = this.part(op.resource);
    const { rows } = part;
    switch (op.do) {
      case 'take':
        return take(part, op);
      case 'counter':
        return part.counter;
      case 'read':
        return part.slots.get(orderOf(op.key));
      case 'write':
        return this.#write(part, op);
      case 'void': {
        const { revision, at } = op;
        if (!rows.has(revision)) rows.set(revision, { kind: 'void', revision, at });
        return rows.get(revision);
      }
      case 'rows': {
        const found: Row[] = [];
        for (let revision = op.after + 1; revision <= op.upTo && found.length < (op.limit ?? Infinity); revision++) {
          const row = rows.get(revision);
          if (row) found.push(row);
        }
        return found;
      }
      case 'rowsAt':
        return op.revisions.flatMap((revision) => rows.get(revision) ?? []);
      case 'scan':
        return scan(part, op);
      case 'raiseFloor':
        part.counter = { ...part.counter, floor: Math.max(part.counter.floor, op.floor) };
        return undefined;
      case 'mark':
        if (op.sealed >= part.counter.sealed) part.counter = { ...part.counter, sealed: op.sealed, sealedAt: op.at };
        return undefined;
    }
  }

  /** Drops rows and tombstones from before a time, as a table's TTL does. */
  expire(beforeMs: number): void {
    for (const part of this.parts.values()) {
      for (const [revision, row] of part.rows) if (row.at < beforeMs) part.rows.delete(revision);
      for (const [order, slot] of part.slots) if (!slot.object && slot.at < beforeMs) part.remove(order);
    }
  }

  #counters(): CounterOf[] {
    return [...this.parts]
      .filter(([, { counter }]) => counter.taken > 1)
      .map(([resource, { counter }]) => ({ ...counter, resource }));
  }

  #write(part: Part, { row, expected }: Write): WriteOutcome {
    const order = orderOf(row.key);
    const slot = part.slots.get(order);
    const rowTaken = part.rows.has(row.revision) && !this.#flaws.rowUnchecked;
    const holds =
      expected === 'absent'
        ? !slot || (!slot.object && slot.revision < row.revision)
        : slot?.object !== undefined && slot.revision === expected;
    if (rowTaken || !holds) return { written: false, slot: holds ? undefined : slot, rowTaken };
    part.rows.set(row.revision, row);
    const object: KubeObject | undefined = row.type === 'DELETED' ? undefined : row.object;
    if (!object && this.#flaws.noTombstones) part.remove(order);
    else part.put(order, { key: row.key, revision: row.revision, object, at: row.at });
    return { written: true };
  }
}

function take(part: Part, { at, ifTaken }: Extract<Op, { do: 'take' }>): Revision | undefined {
  const { counter } = part;
  if (ifTaken !== undefined && ifTaken !== counter.taken) return undefined;
  const sealedAt = counter === untouched ? at : counter.sealedAt;
  part.counter = { ...counter, taken: counter.taken + 1, sealedAt };
  return part.counter.taken;
}

function scan(part: Part, { resource, namespace, index, after, limit = Number.POSITIVE_INFINITY }: Scan): ScanPage {
  const prefix = namespace ? `${namespace}/` : '';
  const from = after === undefined || orderOf(after) < prefix ? prefix : `${orderOf(after)}\0`;
  const slots: Slot[] = [];
  for (let i = firstAtLeast(part.orders, from); i < part.orders.length; i++) {
    const order = part.orders[i]!;
    if (!order.startsWith(prefix)) break;
    const slot = part.slots.get(order)!;
    if (index && !(slot.object && hasIndexValue(resource, slot.object, index))) continue;
    if (slots.length === limit) return { slots, more: true };
    slots.push(slot);
  }
  return { slots, more: false };
}

export const keyAt = (name: string): ObjectKey => ({ namespace: 'default', name });
