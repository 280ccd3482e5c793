// Batches of the change table's stream, read by the driver that wrote the rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamoDBRecord } from 'aws-lambda';
import { encodeObject } from '../../aws/dynamo/encode.ts';
import { rowItem, type StoredRow } from '../../aws/dynamo/items.ts';
import { decodeRecords } from './decode.ts';
import { failuresOf, readEvent } from './event.ts';

const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } };

/** A record as Lambda's JSON has it. */
function record(revision: number, bytes = encodeObject(object)): DynamoDBRecord {
  const row: StoredRow = {
    kind: 'change',
    type: 'ADDED',
    revision,
    at: 1_800_000_000_000,
    writer: 'w',
    key: { namespace: 'default', name: 'a' },
    bytes,
    previousRevision: 0,
    previousBytes: undefined,
  };
  const image = Object.entries(rowItem('pods#1', row, 86_400_000)).map(([name, value]) => [
    name,
    value.B ? { B: Buffer.from(value.B).toString('base64') } : value,
  ]);
  const dynamodb = { NewImage: Object.fromEntries(image), SequenceNumber: `s${revision}` };
  return { eventName: 'INSERT', dynamodb } as DynamoDBRecord;
}

test('a batch is what changed, with the place that each record has in the stream', () => {
  const { wakes, changes, poisoned, first, all } = readEvent({ Records: [record(7), record(8)] }, decodeRecords);
  assert.deepEqual(wakes, [
    { resource: 'pods', revision: 7 },
    { resource: 'pods', revision: 8 },
  ]);
  assert.deepEqual(
    changes.map(({ change }) => change?.object),
    [object, object],
  );
  assert.deepEqual([poisoned, first, all], [[], 's7', ['s7', 's8']]);
});

test('a row that no driver of this version reads is named, what is beside it is read, and everything is looked at', () => {
  // As a later version would write it while this one still runs.
  const later = record(8, Uint8Array.of(250, 1, 2, 3));
  const broken = { eventName: 'INSERT', dynamodb: { SequenceNumber: 's9', NewImage: {} } } as DynamoDBRecord;
  const read = readEvent({ Records: [record(7), later, broken, record(10)] }, decodeRecords);
  assert.deepEqual(read.poisoned, ['s8', 's9']);
  assert.deepEqual(
    read.changes.map(({ revision }) => revision),
    [7, 10],
  );
  assert.equal(read.wakes, undefined);
  assert.deepEqual(failuresOf(read.poisoned.slice(0, 1)), { batchItemFailures: [{ itemIdentifier: 's8' }] });
});
