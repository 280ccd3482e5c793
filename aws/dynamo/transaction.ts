// The one transaction of a commit: the object under its condition, the row of the log, and what goes with them (parts of a large
// object, the index item of a pod whose node changes). All of it or nothing, at most 28 items.
import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import { indexValueOf } from '../../core/store/protocol/indexes.ts';
import type { ChangeRow, IndexValue, Op, WriteOutcome } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { CallFailed } from './failures.ts';
import type { Item } from './items.ts';
import { expiry, keyItem, number, rowItem, slotItem, slotOf } from './items.ts';
import { changePartition, indexPartition, partKey, segmentOf, slotKey } from './keys.ts';
import { bytesOf, inlineOf, piecesOf } from './parts.ts';
import type { Tables } from './read.ts';
import { openSlots } from './read.ts';
import { send } from './send.ts';
import { newRow } from './write.ts';

type WriteOp = Extract<Op, { do: 'write' }>;

/** What replacing an object needs to know of it; of an object at one revision it never changes. */
export interface Standing {
  readonly revision: Revision;
  readonly parts: number;
  readonly index: IndexValue | undefined;
}

/** `before` is what stands at the expected revision; undefined when nothing does. */
export async function write(
  tables: Tables,
  op: WriteOp,
  before: Standing | undefined,
  keptMs: number,
): Promise<WriteOutcome> {
  const { resource, row } = op;
  const command = new TransactWriteItemsCommand({
    // The same for all attempts of the SDK: the second one of a transaction that was done changes nothing.
    ClientRequestToken: row.writer,
    TransactItems: [
      putSlot(tables, op, keptMs),
      putRow(tables, resource, row, keptMs),
      ...putParts(tables, resource, row, keptMs),
      ...expireParts(tables, resource, row, before, keptMs),
      ...putIndex(tables, resource, row, before, keptMs),
    ],
  });
  try {
    await send(tables.client, command);
    return { written: true };
  } catch (error) {
    const reasons = error instanceof CallFailed ? reasonsOf(error.cause) : [];
    return await refused(tables, op, reasons, error);
  }
}

const reasonsOf = (cause: unknown): readonly CancellationReason[] =>
  (cause as { CancellationReasons?: readonly CancellationReason[] }).CancellationReasons ?? [];

const conditionFailed = (reason: CancellationReason | undefined): boolean => reason?.Code === 'ConditionalCheckFailed';

/** Reasons stand in the order of the items. Throws `error` when no condition failed. */
async function refused(
  tables: Tables,
  { resource, row }: WriteOp,
  [ofSlot, ofRow]: readonly CancellationReason[],
  error: unknown,
): Promise<WriteOutcome> {
  const rowTaken = conditionFailed(ofRow);
  // An attempt before was done, and its answer was lost.
  if (rowTaken && ofRow?.Item?.['by']?.S === row.writer) return { written: true };
  if (!rowTaken && !conditionFailed(ofSlot)) throw error;
  const standing = conditionFailed(ofSlot) && ofSlot?.Item ? [slotOf(ofSlot.Item)] : [];
  const [slot] = await openSlots(tables, resource, standing);
  return { written: false, slot, rowTaken };
}

function putSlot({ objectsTable }: Tables, { resource, row, expected }: WriteOp, keptMs: number): TransactWriteItem {
  const bytes = row.type === 'DELETED' ? undefined : inlineOf(bytesOf(row.object));
  const values: Item = expected === 'absent' ? { ':rev': number(row.revision) } : { ':expected': number(expected) };
  return {
    Put: {
      TableName: objectsTable,
      Item: slotItem(slotKey(resource, row.key), { revision: row.revision, at: row.at, bytes }, keptMs),
      ConditionExpression: expected === 'absent' ? nothingOrOlderTombstone : 'rev = :expected',
      ExpressionAttributeValues: values,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

const nothingOrOlderTombstone = 'attribute_not_exists(pk) OR (attribute_not_exists(obj) AND rev < :rev)';

function putRow(tables: Tables, resource: Resource, row: ChangeRow, keptMs: number): TransactWriteItem {
  const { object, previous, ...stored } = row;
  const bytes = inlineOf(bytesOf(object));
  const previousBytes = previous && inlineOf(bytesOf(previous));
  const item = rowItem(changePartition(resource, segmentOf(row.revision)), { ...stored, bytes, previousBytes }, keptMs);
  return { Put: { ...newRow(tables, item), ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } };
}

/** The parts of a deletion's object go with its row; all others stay until the object is replaced. */
function putParts({ objectsTable }: Tables, resource: Resource, row: ChangeRow, keptMs: number): TransactWriteItem[] {
  const ends: Item = row.type === 'DELETED' ? { ttl: partExpiry(row, keptMs) } : {};
  return piecesOf(bytesOf(row.object)).map((piece, part) => ({
    Put: {
      TableName: objectsTable,
      Item: { ...keyItem(partKey(resource, orderOf(row.key), row.revision, part)), obj: { B: piece }, ...ends },
    },
  }));
}

/** Parts go well after the rows that name them, which DynamoDB deletes some time (hours, days) after their expiry. */
const partExpiry = ({ at }: ChangeRow, keptMs: number) => expiry(at, keptMs + 7 * 86_400_000);

function expireParts(
  { objectsTable }: Tables,
  resource: Resource,
  row: ChangeRow,
  before: Standing | undefined,
  keptMs: number,
): TransactWriteItem[] {
  return Array.from({ length: before?.parts ?? 0 }, (_, part) => ({
    Update: {
      TableName: objectsTable,
      Key: keyItem(partKey(resource, orderOf(row.key), before!.revision, part)),
      UpdateExpression: 'SET #ttl = :ttl',
      ExpressionAttributeNames: { '#ttl': 'ttl' },
      ExpressionAttributeValues: { ':ttl': partExpiry(row, keptMs) },
    },
  }));
}

/** Nothing when the value stays what it was: a status costs no more for being a pod's. */
function putIndex(
  { objectsTable }: Tables,
  resource: Resource,
  row: ChangeRow,
  before: Standing | undefined,
  keptMs: number,
): TransactWriteItem[] {
  const left = before?.index;
  const held = row.type === 'DELETED' ? undefined : indexValueOf(resource, row.object);
  if (left?.value === held?.value) return [];
  const put = (index: IndexValue, bytes: Uint8Array | undefined): TransactWriteItem => ({
    Put: { TableName: objectsTable, Item: indexItem(resource, row, index, bytes, keptMs) },
  });
  return [...(left ? [put(left, undefined)] : []), ...(held ? [put(held, holds)] : [])];
}

/** An index item has the form of a slot; what it holds says only that the object is to be looked up. */
const holds = new Uint8Array(1);

const indexItem = (
  resource: Resource,
  { key, revision, at }: { key: ObjectKey; revision: Revision; at: number },
  index: IndexValue,
  bytes: Uint8Array | undefined,
  keptMs: number,
): Item => slotItem({ pk: indexPartition(resource, index), sk: orderOf(key) }, { revision, at, bytes }, keptMs);
