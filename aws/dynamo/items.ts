// Slots, rows and counters as items, and back. Names of attributes are short, since every item pays for them.
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { firstFloor, firstRevision } from '../../core/store/change-log.ts';
import { keyFromOrder } from '../../core/store/image.ts';
import type { ChangeRow, Counter, Row, Slot } from '../../core/store/protocol/ops.ts';
import type { Change, Revision } from '../../core/store/store.ts';

import { resourceOfPartition } from './keys.ts';
import { quietResources, wakingAttribute } from './schema.ts';

export type Item = Record<string, AttributeValue>;

/** A slot as it is stored: `bytes` are the object, or say in how many parts it is; undefined for a tombstone. */
export interface StoredSlot extends Omit<Slot, 'object'> {
  readonly bytes: Uint8Array | undefined;
}

/** A change row as it is stored. */
export interface StoredChange extends Omit<ChangeRow, 'object' | 'previous'> {
  readonly bytes: Uint8Array;
  readonly previousBytes: Uint8Array | undefined;
}

export type StoredRow = Extract<Row, { kind: 'void' }> | StoredChange;

const letters = { ADDED: 'A', MODIFIED: 'M', DELETED: 'D' } as const;
const types: Readonly<Record<string, Change['type']>> = { A: 'ADDED', M: 'MODIFIED', D: 'DELETED' };

export const text = (value: string): AttributeValue => ({ S: value });
export const number = (value: number): AttributeValue => ({ N: String(value) });
const binary = (value: Uint8Array): AttributeValue => ({ B: value });

/** TTL attributes are in seconds. */
export const expiry = (atMs: number, keptMs: number): AttributeValue => number(Math.ceil((atMs + keptMs) / 1_000));

export const keyItem = ({ pk, sk }: { pk: string; sk: string }): Item => ({ pk: text(pk), sk: text(sk) });
export const rowKeyItem = (pk: string, revision: Revision): Item => ({ pk: text(pk), rev: number(revision) });

const numberOf = (item: Item, name: string): number => Number(item[name]?.N);

export function slotItem(key: { pk: string; sk: string }, slot: Omit<StoredSlot, 'key'>, keptMs: number): Item {
  const item = { ...keyItem(key), rev: number(slot.revision), at: number(slot.at) };
  return slot.bytes ? { ...item, obj: binary(slot.bytes) } : { ...item, ttl: expiry(slot.at, keptMs) };
}

export const slotOf = (item: Item): StoredSlot => ({
  key: keyFromOrder(item['sk']!.S!),
  revision: numberOf(item, 'rev'),
  at: numberOf(item, 'at'),
  bytes: item['obj']?.B,
});

export function rowItem(pk: string, row: StoredRow, keptMs: number): Item {
  const item = { ...rowKeyItem(pk, row.revision), at: number(row.at), ttl: expiry(row.at, keptMs) };
  if (row.kind === 'void') return item;
  const waking: Item = quietResources.includes(resourceOfPartition(pk)) ? {} : { [wakingAttribute]: number(1) };
  const { namespace, name } = row.key;
  return {
    ...item,
    type: text(letters[row.type]),
    key: text(`${namespace}/${name}`),
    by: text(row.writer),
    obj: binary(row.bytes),
    ...waking,
    ...(row.previousRevision === 0 ? {} : { prev: number(row.previousRevision) }),
    ...(row.previousBytes ? { old: binary(row.previousBytes) } : {}),
  };
}

export function rowOf(item: Item): StoredRow {
  const row = { revision: numberOf(item, 'rev'), at: numberOf(item, 'at') };
  const bytes = item['obj']?.B;
  if (!bytes) return { kind: 'void', ...row };
  return {
    kind: 'change',
    ...row,
    type: types[item['type']!.S!]!,
    key: keyFromOrder(item['key']!.S!),
    writer: item['by']!.S!,
    bytes,
    previousRevision: item['prev'] ? numberOf(item, 'prev') : 0,
    previousBytes: item['old']?.B,
  };
}

/** Of an item that is missing: nothing was ever written. */
export const counterOf = (item: Item | undefined): Counter => ({
  taken: item?.['taken'] ? numberOf(item, 'taken') : firstRevision,
  floor: item?.['floor'] ? numberOf(item, 'floor') : firstFloor,
  sealed: item?.['sealed'] ? numberOf(item, 'sealed') : firstRevision,
  sealedAt: item?.['sealedAt'] ? numberOf(item, 'sealedAt') : Number.POSITIVE_INFINITY,
});
