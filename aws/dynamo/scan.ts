// Slots in order: by Query over the partitions of a resource, or over the index item of each object that has a value.
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { orderOf } from '../../core/store/image.ts';
import { hasIndexValue } from '../../core/store/protocol/indexes.ts';
import type { Op, ScanPage, Slot } from '../../core/store/protocol/ops.ts';
import { batchGet } from './batch.ts';
import type { Item, StoredSlot } from './items.ts';
import { keyItem, slotOf, text } from './items.ts';
import { fitsKey, indexPartition, partitionsOf, slotKey } from './keys.ts';
import type { Tables } from './read.ts';
import { openSlots } from './read.ts';
import { send } from './send.ts';

type ScanOp = Extract<Op, { do: 'scan' }>;

export async function scan(tables: Tables, op: ScanOp): Promise<ScanPage> {
  const bounds = boundsOf(op);
  if (!bounds) return { slots: [], more: false };
  if (op.index) return await scanIndex(tables, op, bounds);
  const partitions = partitionsOf(op.resource);
  // Names spread evenly, so a share of each and a little more gives about as many as were asked for.
  const share = op.limit && partitions.length > 1 ? Math.ceil((op.limit / partitions.length) * 1.25) + 2 : op.limit;
  const pages = await Promise.all(partitions.map((pk) => readPage(tables, pk, bounds, share)));
  const merged = merge(pages, op.limit);
  return { slots: await openSlots(tables, op.resource, merged.slots), more: merged.more };
}

interface Bounds {
  /** Both inclusive. */
  readonly low: string;
  readonly high: string;
}

/** Undefined when nothing can be there. */
function boundsOf({ namespace, after }: ScanOp): Bounds | undefined {
  if (namespace && !fitsKey({ namespace, name: '' })) return undefined;
  const prefix = namespace ? `${namespace}/` : '';
  // '0' follows '/'; U+10FFFF follows every letter.
  const high = namespace ? `${namespace}0` : '\u{10ffff}';
  if (!after) return { low: prefix || '\0', high };
  // A key that is too long stands for itself as long as it may be: no stored one is between the two.
  const order = orderOf(after);
  const shortened = fitsKey(after) ? `${order}\0` : Buffer.from(order).subarray(0, longest).toString();
  const isBefore = shortened < prefix;
  return shortened > high ? undefined : { low: isBefore ? prefix : shortened, high };
}

const longest = 1_020;

interface Page {
  readonly slots: readonly StoredSlot[];
  readonly more: boolean;
}

/** Of one partition: up to the limit or 1 MB; without a limit all of them. */
async function readPage(tables: Tables, pk: string, bounds: Bounds, limit: number | undefined): Promise<Page> {
  const slots: StoredSlot[] = [];
  let start: Item | undefined;
  do {
    const page = await send(
      tables.client,
      new QueryCommand({
        TableName: tables.objectsTable,
        KeyConditionExpression: 'pk = :pk AND sk BETWEEN :low AND :high',
        ExpressionAttributeValues: { ':pk': text(pk), ':low': text(bounds.low), ':high': text(bounds.high) },
        ConsistentRead: true,
        ExclusiveStartKey: start,
        ...(limit ? { Limit: limit } : {}),
      }),
    );
    slots.push(...(page.Items ?? []).map(slotOf));
    start = page.LastEvaluatedKey;
  } while (start && (!limit || slots.length === 0));
  return { slots, more: start !== undefined };
}

/** In order, up to where the first of the unfinished partitions ends: beyond it others may have what it has not told yet. */
function merge(pages: readonly Page[], limit: number | undefined): Page {
  const ends = pages.filter(({ more }) => more).map(({ slots }) => orderOf(slots.at(-1)!.key));
  const end = ends.reduce<string | undefined>(
    (least, one) => (least === undefined || one < least ? one : least),
    undefined,
  );
  const all = pages.flatMap(({ slots }) => slots.map((slot) => ({ slot, order: orderOf(slot.key) })));
  const sure = all.filter(({ order }) => end === undefined || order <= end);
  if (pages.length > 1) sure.sort((a, b) => (a.order < b.order ? -1 : 1));
  const slots = sure.slice(0, limit ?? sure.length).map(({ slot }) => slot);
  return { slots, more: end !== undefined || slots.length < all.length };
}

/**
 * An index item that is left behind when its object goes, or gets another value, counts as a tombstone: whoever reads the log
 * beside the slots learns of the revision.
 */
async function scanIndex(tables: Tables, { resource, index, limit }: ScanOp, bounds: Bounds): Promise<ScanPage> {
  const page = await readPage(tables, indexPartition(resource, index!), bounds, limit);
  const live = page.slots.filter(({ bytes }) => bytes);
  const keys = live.map(({ key }) => keyItem(slotKey(resource, key)));
  const items = await batchGet(tables.client, tables.objectsTable, keys);
  const standing = await openSlots(tables, resource, items.map(slotOf));
  const byOrder = new Map(standing.map((slot) => [orderOf(slot.key), slot]));
  const slots = page.slots.map(({ bytes, ...left }): Slot => {
    const slot = bytes ? byOrder.get(orderOf(left.key)) : undefined;
    if (!slot?.object || hasIndexValue(resource, slot.object, index!)) return slot ?? { ...left, object: undefined };
    return { ...slot, object: undefined };
  });
  return { slots, more: page.more };
}
