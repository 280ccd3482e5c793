// Records of the change table's stream, as Lambda hands them over and as emulators do, read back into changes. A record that
// comes twice or late does no harm: it says what happened under a revision, which never changes, and whoever cares reads the log.
// Follows https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Change, Resource, Revision } from '../../core/store/store.ts';
import { decodeObject, partsOf } from './encode.ts';
import type { Item } from './items.ts';
import { rowOf } from './items.ts';
import { resourceOfPartition } from './keys.ts';

/** What is looked at in a record; DynamoDBRecord of aws-lambda fits. */
export interface StreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?:
    | {
        readonly NewImage?: Readonly<Record<string, unknown>> | undefined;
        readonly SequenceNumber?: string | undefined;
      }
    | undefined;
}

export interface StreamedChange {
  readonly resource: Resource;
  readonly revision: Revision;
  /**
   * Without a revision's object (a void row, or an object in parts) the log has moved and no more is said. `previous` is told
   * only if the row holds it: otherwise it is what stood at an earlier revision, which a cache knows.
   */
  readonly change?: Change;
  readonly sequenceNumber: string;
}

/** Removals (TTL) are left out. Throws for a record that is none of the change table's, or that a newer version wrote. */
export function changesOfRecords(records: readonly StreamRecord[]): StreamedChange[] {
  return records.flatMap(({ eventName, dynamodb }) => {
    if (eventName === 'REMOVE' || !dynamodb?.NewImage) return [];
    return [changeOf(itemOf(dynamodb.NewImage), dynamodb.SequenceNumber ?? '')];
  });
}

function changeOf(item: Item, sequenceNumber: string): StreamedChange {
  const pk = item['pk']?.S;
  if (!pk?.includes('#') || !item['rev']?.N) throw new Error('a stream record that is no row of the change log');
  const row = rowOf(item);
  const told = { resource: resourceOfPartition(pk), revision: row.revision, sequenceNumber };
  if (row.kind === 'void' || partsOf(row.bytes) > 0) return told;
  const { type, key, revision, previousBytes } = row;
  const change = { type, key, revision, object: decodeObject(row.bytes) };
  if (!previousBytes || partsOf(previousBytes) > 0) return { ...told, change };
  return { ...told, change: { ...change, previous: decodeObject(previousBytes) } };
}

const itemOf = (image: Readonly<Record<string, unknown>>): Item =>
  Object.fromEntries(Object.entries(image).map(([name, value]) => [name, attributeOf(value)]));

/** Numbers may come as numbers, binaries as base64 (Lambda's JSON), as bytes (the SDK), or as a Buffer that went through JSON. */
function attributeOf(value: unknown): AttributeValue {
  const { S: string, N: number, B: binary } = value as { S?: string; N?: string | number; B?: unknown };
  if (string !== undefined) return { S: string };
  if (number !== undefined) return { N: String(number) };
  if (typeof binary === 'string') return { B: Buffer.from(binary, 'base64') };
  if (binary instanceof Uint8Array) return { B: binary };
  const { data } = (binary ?? {}) as { data?: readonly number[] };
  if (Array.isArray(data)) return { B: Uint8Array.from(data) };
  throw new Error('a stream record with an attribute that is no string, number or binary');
}
