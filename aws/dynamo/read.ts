// The operations that read. All reads are strongly consistent.

import type { DynamoDBClient, QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { GetItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { KubeObject, ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import type { Row, Slot } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { batchGet } from './batch.ts';
import type { Item, StoredRow, StoredSlot } from './items.ts';
import { keyItem, number, rowKeyItem, rowOf, slotOf, text } from './items.ts';
import { changePartition, fitsKey, lastOfSegment, segmentOf, slotKey } from './keys.ts';
import type { Reference } from './parts.ts';
import { assemble, partKeys } from './parts.ts';
import { send } from './send.ts';
import type { TableNames } from './tables.ts';

export interface Tables extends TableNames {
  readonly client: DynamoDBClient;
}

/** The slot as it is stored; undefined also for a name under which nothing can be. */
export async function readStored(
  { client, objectsTable }: Tables,
  resource: Resource,
  key: ObjectKey,
): Promise<StoredSlot | undefined> {
  if (!fitsKey(key)) return undefined;
  const { Item: item } = await send(
    client,
    new GetItemCommand({ TableName: objectsTable, Key: keyItem(slotKey(resource, key)), ConsistentRead: true }),
  );
  return item && slotOf(item);
}

/** Rows after `after` up to `upTo`, at most `limit`: one Query for each segment, a few of them at once. */
export async function readRows(
  tables: Tables,
  { resource, after, upTo, limit = Number.POSITIVE_INFINITY }: Span,
): Promise<Row[]> {
  const rows: Row[] = [];
  const last = segmentOf(upTo);
  for (let segment = segmentOf(after + 1); segment <= last && rows.length < limit; segment += segmentsAtOnce) {
    const some = Array.from({ length: Math.min(segmentsAtOnce, last - segment + 1) }, (_, i) => segment + i);
    const found = await Promise.all(some.map((one) => readSegment(tables, resource, one, after, upTo)));
    rows.push(...(await openRows(tables, resource, found.flat())));
  }
  return rows.slice(0, limit);
}

interface Span {
  readonly resource: Resource;
  readonly after: Revision;
  readonly upTo: Revision;
  readonly limit?: number;
}

const segmentsAtOnce = 5;

async function readSegment(
  tables: Tables,
  resource: Resource,
  segment: number,
  after: Revision,
  upTo: Revision,
): Promise<StoredRow[]> {
  const items = await query(tables, {
    TableName: tables.changesTable,
    KeyConditionExpression: 'pk = :pk AND rev BETWEEN :low AND :high',
    ExpressionAttributeValues: {
      ':pk': text(changePartition(resource, segment)),
      ':low': number(after + 1),
      ':high': number(Math.min(upTo, lastOfSegment(segment))),
    },
  });
  return items.map(rowOf);
}

export async function readRowsAt(tables: Tables, resource: Resource, revisions: readonly Revision[]): Promise<Row[]> {
  const keys = [...new Set(revisions)].map((rev) => rowKeyItem(changePartition(resource, segmentOf(rev)), rev));
  const items = await batchGet(tables.client, tables.changesTable, keys);
  return await openRows(tables, resource, items.map(rowOf));
}

/** Every page of a Query: one ends at 1 MB. */
export async function query({ client }: Tables, input: QueryCommandInput): Promise<Item[]> {
  const items: Item[] = [];
  let start: Item | undefined;
  do {
    const page = await send(client, new QueryCommand({ ...input, ConsistentRead: true, ExclusiveStartKey: start }));
    items.push(...(page.Items ?? []));
    start = page.LastEvaluatedKey;
  } while (start);
  return items;
}

export async function openSlots(tables: Tables, resource: Resource, slots: readonly StoredSlot[]): Promise<Slot[]> {
  const open = await opener(tables, resource, slots.flatMap(referencesOfSlot));
  return slots.map(({ bytes, ...slot }) => ({
    ...slot,
    object: bytes && open({ bytes, order: orderOf(slot.key), revision: slot.revision }),
  }));
}

const referencesOfSlot = ({ key, revision, bytes }: StoredSlot): Reference[] =>
  bytes ? [{ bytes, order: orderOf(key), revision }] : [];

export async function openRows(tables: Tables, resource: Resource, rows: readonly StoredRow[]): Promise<Row[]> {
  const open = await opener(tables, resource, rows.flatMap(referencesOfRow));
  return rows.map((stored) => {
    if (stored.kind === 'void') return stored;
    const { bytes, previousBytes, ...row } = stored;
    const [object, previous] = referencesOfRow(stored).map(open);
    return { ...row, object: object!, ...(previous ? { previous } : {}) };
  });
}

/** Of the object after the change, and of the one before it if the row has it. */
function referencesOfRow(row: StoredRow): Reference[] {
  if (row.kind === 'void') return [];
  const order = orderOf(row.key);
  const after = { bytes: row.bytes, order, revision: row.revision };
  return row.previousBytes ? [after, { bytes: row.previousBytes, order, revision: row.previousRevision }] : [after];
}

/** Reads the parts that references name, and gives a function that puts the objects together. */
async function opener(
  { client, objectsTable }: Tables,
  resource: Resource,
  references: readonly Reference[],
): Promise<(reference: Reference) => KubeObject> {
  const parts = new Map<string, Uint8Array>();
  const keys = new Map(references.flatMap((one) => partKeys(resource, one)).map((key) => [key.sk, key]));
  if (keys.size > 0) {
    const items = await batchGet(client, objectsTable, [...keys.values()].map(keyItem));
    for (const item of items) parts.set(item['sk']!.S!, item['obj']!.B!);
  }
  return (reference) => assemble(resource, reference, parts);
}
