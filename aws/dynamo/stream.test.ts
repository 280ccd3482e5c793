// Stream records in all the forms that they come in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { encodeObject, encodeParts } from './encode.ts';
import type { Item, StoredRow } from './items.ts';
import { rowItem } from './items.ts';
import { changesOfRecords } from './stream.ts';

const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' } };
const before: KubeObject = { ...pod, spec: { nodeName: 'n1' } };
const row: StoredRow = {
  kind: 'change',
  type: 'MODIFIED',
  revision: 70,
  at: 1_800_000_000_000,
  writer: 'w',
  key: { namespace: 'default', name: 'a' },
  bytes: encodeObject(pod),
  previousRevision: 69,
  previousBytes: undefined,
};
const item = (changes: object = {}) => rowItem('pods#1', { ...row, ...changes } as StoredRow, 86_400_000);

const record = (image: Record<string, unknown>, eventName = 'INSERT') => ({
  eventName,
  dynamodb: { NewImage: image, SequenceNumber: '100' },
});
const told = { resource: 'pods', revision: 70, sequenceNumber: '100' };
const change = { type: 'MODIFIED', key: row.key, revision: 70, object: pod };

/** As Lambda's JSON has binaries. */
const inBase64 = (of: Item) =>
  Object.fromEntries(
    Object.entries(of).map(([name, value]) => [name, value.B ? { B: Buffer.from(value.B).toString('base64') } : value]),
  );

test('binaries come as base64, as bytes, and as a Buffer that went through JSON', () => {
  const throughJson = Object.fromEntries(
    Object.entries(item()).map(([name, value]) => [name, value.B ? { B: Buffer.from(value.B) } : value]),
  );
  for (const image of [inBase64(item()), item(), JSON.parse(JSON.stringify(throughJson))])
    assert.deepEqual(changesOfRecords([record(image)]), [{ ...told, change }]);
});

test('numbers may come as numbers', () => {
  const image = { ...inBase64(item()), rev: { N: 70 } };
  assert.deepEqual(changesOfRecords([record(image)]), [{ ...told, change }]);
});

test('the state before is told when the row holds it', () => {
  const image = inBase64(item({ previousBytes: encodeObject(before) }));
  assert.deepEqual(changesOfRecords([record(image)]), [{ ...told, change: { ...change, previous: before } }]);
});

test('void rows and objects in parts are movements without a change, removals are nothing', () => {
  const nothing = rowItem('pods#1', { kind: 'void', revision: 70, at: 1 }, 1);
  assert.deepEqual(changesOfRecords([record(inBase64(nothing))]), [told]);
  assert.deepEqual(changesOfRecords([record(inBase64(item({ bytes: encodeParts(2) })))]), [told]);
  assert.deepEqual(changesOfRecords([record(inBase64(item()), 'REMOVE'), { eventName: 'INSERT' }]), []);
});

test('records that come twice or out of order say the same each time', () => {
  const records = [71, 70, 71].map((revision) => record(inBase64(item({ revision }))));
  assert.deepEqual(
    changesOfRecords(records).map(({ revision }) => revision),
    [71, 70, 71],
  );
});

test('the resource is found in names with dots, and what is no row is refused', () => {
  const image = inBase64(rowItem('widgets.example.com#1', row, 1));
  assert.equal(changesOfRecords([record(image)])[0]?.resource, 'widgets.example.com');
  assert.throws(() => changesOfRecords([record({ pk: { S: 'pods' } })]), /no row/);
  assert.throws(() => changesOfRecords([record({ ...image, obj: { M: {} } })]), /no string, number or binary/);
});

test('rows of what changes all the time are marked, so that a filter can keep them out', () => {
  assert.deepEqual(rowItem('leases.coordination.k8s.io#1', row, 1)['w'], undefined);
  assert.deepEqual(rowItem('events#1', row, 1)['w'], undefined);
  assert.deepEqual(item()['w'], { N: '1' });
});
