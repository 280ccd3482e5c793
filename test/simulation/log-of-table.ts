// The log of a simulated table from its very first row, expired rows included, and what it must be.
import assert from 'node:assert/strict';
import type { ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import type { ChangeRow } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import type { FakeTable } from './fake-table.ts';

/** The changes in order; each fits the state before it. */
export function logOf(tables: FakeTable, resource: Resource): ChangeRow[] {
  const rows = [...(tables.history.get(resource)?.values() ?? [])].sort((a, b) => a.revision - b.revision);
  const changes = rows.filter((row) => row.kind === 'change');
  const revisions = new Map<string, Revision>();
  for (const { key, revision, previousRevision, type } of changes) {
    const order = orderOf(key);
    assert.equal(
      revisions.get(order) ?? 0,
      previousRevision,
      `what stood before revision ${revision} of ${resource} ${order}`,
    );
    revisions.set(order, type === 'DELETED' ? 0 : revision);
  }
  return changes;
}

/** A list that somebody was shown: objects by their order, each with its revision. */
export interface Shown {
  resource: Resource;
  revision: Revision;
  items: readonly string[];
  /** Whether what was asked for has a row's object in it. */
  selects(row: ChangeRow): boolean;
}

export const shownAs = (key: ObjectKey, revision: Revision): string => `${orderOf(key)}@${revision}`;

/** Each list shows exactly what the log says of its revision. */
export function checkShown(log: readonly ChangeRow[], lists: readonly Shown[]): void {
  const state = new Map<string, ChangeRow>();
  let next = 0;
  for (const { resource, revision, items, selects } of lists.toSorted((a, b) => a.revision - b.revision)) {
    for (let row = log[next]; row && row.revision <= revision; row = log[++next]) {
      if (row.type === 'DELETED') state.delete(orderOf(row.key));
      else state.set(orderOf(row.key), row);
    }
    const expected = [...state.values()].filter(selects).map((row) => shownAs(row.key, row.revision));
    assert.equal([...items].sort().join(), expected.sort().join(), `a list of ${resource} at ${revision}`);
  }
}

/** A piece of the log that somebody was told. */
export interface Told {
  resource: Resource;
  after: Revision;
  upTo: Revision;
  revisions: readonly Revision[];
}

/** Each piece has all changes of its span, once and in order. */
export function checkTold(log: readonly ChangeRow[], pieces: readonly Told[]): void {
  const all = log.map(({ revision }) => revision);
  const places = new Map(all.map((revision, place) => [revision, place]));
  for (const { resource, after, upTo, revisions } of pieces) {
    const [first] = revisions;
    const from = first === undefined ? all.findIndex((revision) => revision > after) : (places.get(first) ?? 0);
    let to = from < 0 ? all.length : from;
    while (to < all.length && all[to]! <= upTo) to++;
    const expected = from < 0 ? [] : all.slice(from, to);
    const isWhole = from <= 0 || all[from - 1]! <= after;
    assert.ok(
      isWhole && revisions.join() === expected.join(),
      `the log of ${resource} from ${after} to ${upTo} was told as ${revisions}`,
    );
  }
}

/** What stands after a log: each object's newest row by its order. */
export function stateAfter(log: readonly ChangeRow[]): Map<string, ChangeRow> {
  const state = new Map<string, ChangeRow>();
  for (const row of log) {
    if (row.type === 'DELETED') state.delete(orderOf(row.key));
    else state.set(orderOf(row.key), row);
  }
  return state;
}
