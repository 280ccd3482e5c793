// Where things stand in the tables. Changing anything here makes what is stored unreachable.
//
//   objects   RESOURCE or RESOURCE#SHARD     namespace/name              an object or a tombstone
//             RESOURCE#parts                 namespace/name#REV#PART     pieces of an object that is too large for one item
//             RESOURCE#INDEX#VALUE           namespace/name              says that the object has, or had, this value ('pods' by 'node')
//             #counters                      RESOURCE                    how far the resource's sequence has come
//   changes   RESOURCE#SEGMENT               revision                    one row of the change log
//
// Names of resources never hold a '#'.
import type { ObjectKey } from '../../core/api/objects.ts';
import { orderOf } from '../../core/store/image.ts';
import type { IndexValue } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/**
 * A partition takes 1,000 write units a second, and a write of an object in a transaction is at least two: what is written most
 * is spread over several.
 */
const shardCounts: ReadonlyMap<Resource, number> = new Map([
  ['pods', 4],
  ['events', 4],
  ['leases.coordination.k8s.io', 4],
]);

/** FNV-1a, 32 bit: spreads names that differ in their last letters. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Every partition that holds objects of the resource. */
export function partitionsOf(resource: Resource): string[] {
  const shards = shardCounts.get(resource);
  return shards ? Array.from({ length: shards }, (_, shard) => `${resource}#${shard}`) : [resource];
}

export function slotKey(resource: Resource, key: ObjectKey): ItemKey {
  const sk = orderOf(key);
  const shards = shardCounts.get(resource);
  return { pk: shards ? `${resource}#${hashOf(sk) % shards}` : resource, sk };
}

export const partKey = (resource: Resource, order: string, revision: Revision, part: number): ItemKey => ({
  pk: `${resource}#parts`,
  sk: `${order}#${revision}#${part}`,
});

/** Longest sort key of DynamoDB, in bytes. */
const longestSortKey = 1_024;
/** What a part's key adds to the object's: '#', a revision, '#', a number below 100. */
const partSuffix = 20;

/** Whether an object of this name can be stored: names of RBAC objects have no limit of their own. */
export const fitsKey = (key: ObjectKey): boolean => Buffer.byteLength(orderOf(key)) + partSuffix <= longestSortKey;

/** All counters in one partition, so that one Query reads them: 1,000 takes a second, until DynamoDB splits it by resource. */
export const counterPartition = '#counters';

export const counterKey = (resource: Resource): ItemKey => ({ pk: counterPartition, sk: resource });

const segmentLength = 64;

export const segmentOf = (revision: Revision): number => Math.floor(revision / segmentLength);
export const lastOfSegment = (segment: number): Revision => (segment + 1) * segmentLength - 1;

export const changePartition = (resource: Resource, segment: number): string => `${resource}#${segment}`;

/** The resource of a change row's partition. */
export const resourceOfPartition = (pk: string): Resource => pk.slice(0, pk.lastIndexOf('#'));

export const indexPartition = (resource: Resource, index: IndexValue): string =>
  `${resource}#${index.name}#${index.value}`;
