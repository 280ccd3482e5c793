// The log of a simulated table from its very first row, expired rows included, and what it must be.
import assert from 'node:assert/strict';
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

/** What stands after a log: each object's newest row by its order. */
export function stateAfter(log: readonly ChangeRow[]): Map<string, ChangeRow> {
  const state = new Map<string, ChangeRow>();
  for (const row of log) {
    if (row.type === 'DELETED') state.delete(orderOf(row.key));
    else state.set(orderOf(row.key), row);
  }
  return state;
}
