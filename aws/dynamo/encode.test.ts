// What is stored must be readable by every version to come, and a typical change must cost one write unit.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { KubeObject } from '../../core/api/objects.ts';
import { dictionary1 } from './dictionary-1.ts';
import { decodeObject, encodeObject, encodeParts, partsOf } from './encode.ts';
import { typicalObjects } from './fixture/objects.ts';
import type { Item } from './items.ts';
import { rowItem, rowOf, slotItem } from './items.ts';
import { assemble, bytesOf, inlineOf, partKeys, piecesOf } from './parts.ts';

const small: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
const typical = typicalObjects();

test('every typical object is read back as it was', () => {
  for (const object of [small, ...Object.values(typical)]) {
    assert.equal(JSON.stringify(decodeObject(encodeObject(object))), JSON.stringify(object));
  }
});

test('the dictionary is what it was when the first object was stored', () => {
  assert.equal(
    createHash('sha256').update(dictionary1).digest('hex'),
    '278aaef57c676049f911addf606767ea4680cbb2d9536bed5885c0e22573b86a',
  );
});

test('bytes that were stored before are still read', () => {
  const plain = 'AHsiYXBpVmVyc2lvbiI6InYxIiwia2luZCI6IkNvbmZpZ01hcCIsIm1ldGFkYXRhIjp7Im5hbWUiOiJhIn19';
  assert.deepEqual(decodeObject(Buffer.from(plain, 'base64')), small);
  const packed = Buffer.from('AcMzIA8/FAr7sHyiEtLZT5AaGjJzoEA0CbQfAA==', 'base64');
  assert.deepEqual(decodeObject(packed), {
    ...small,
    data: { text: 'hello hello hello hello hello hello hello hello' },
  });
});

test('what is shorter plain is stored plain', () => {
  assert.equal(encodeObject({ ...small, metadata: { name: 'é' } })[0], 0);
  const noise: KubeObject = { ...small, data: { noise: randomBytes(3_000).toString('latin1') } };
  assert.ok(encodeObject(noise).length <= Buffer.byteLength(JSON.stringify(noise)) + 1);
});

test('a form that is not known is refused by name', () => {
  assert.throws(() => decodeObject(Uint8Array.of(9, 1, 2)), /form 9/);
});

/** As DynamoDB counts: names and values in UTF-8, numbers as two digits a byte and one more. */
function sizeOf(item: Item): number {
  let size = 0;
  for (const [name, { S: string, N: digits, B: binary }] of Object.entries(item)) {
    size += Buffer.byteLength(name) + (string ? Buffer.byteLength(string) : 0) + (binary?.length ?? 0);
    if (digits !== undefined) size += Math.ceil(digits.length / 2) + 1;
  }
  return size;
}

const change = (object: KubeObject) => ({
  kind: 'change' as const,
  type: 'MODIFIED' as const,
  revision: 1_234_567,
  at: 1_800_000_000_000,
  writer: '00000000-0000-4000-8000-000000000000',
  key: { namespace: object.metadata.namespace ?? '', name: object.metadata.name! },
  bytes: encodeObject(object),
  previousRevision: 1_234_321,
  previousBytes: undefined,
});

test('the change row and the item of a typical object cost one write unit each, also with the state before', () => {
  for (const object of Object.values(typical)) {
    const row = change(object);
    const sizes = {
      row: sizeOf(rowItem('deployments.apps#19290', row, 86_400_000)),
      item: sizeOf(slotItem({ pk: 'deployments.apps', sk: `${row.key.namespace}/${row.key.name}` }, row, 1)),
    };
    assert.ok(Math.max(sizes.row, sizes.item) <= 1_024, `${object.kind} ${JSON.stringify(sizes)}`);
  }
  const { bytes } = change(typical.lease);
  const row = { ...change(typical.lease), previousBytes: bytes };
  assert.ok(sizeOf(rowItem('leases.coordination.k8s.io#19290', row, 1)) <= 1_024);
});

test('rows are read back as they were', () => {
  const row = change(typical.pod);
  const pod = rowOf(rowItem('pods#1', row, 1));
  assert.deepEqual(pod, row);
  const before = { ...row, previousBytes: row.bytes };
  assert.deepEqual(rowOf(rowItem('pods#1', before, 1)), before);
  const nothing = { kind: 'void' as const, revision: 7, at: 1 };
  assert.deepEqual(rowOf(rowItem('pods#0', nothing, 1)), nothing);
});

test('a large object is cut into parts that are named by its revision, and put together from those alone', () => {
  const large: KubeObject = { ...small, data: { noise: randomBytes(900_000).toString('base64') } };
  const bytes = bytesOf(large);
  const pieces = piecesOf(bytes);
  assert.ok(pieces.length >= 2 && pieces.every((piece) => piece.length < 390_000));
  const reference = { bytes: inlineOf(bytes), order: 'default/a', revision: 5 };
  assert.equal(partsOf(reference.bytes), pieces.length);
  const keys = partKeys('configmaps', reference).map(({ sk }) => sk);
  const stored = new Map(keys.map((sk, part) => [sk, pieces[part]!]));
  assert.deepEqual(assemble('configmaps', reference, stored), large);
  assert.throws(() => assemble('configmaps', { ...reference, revision: 6 }, stored), /missing/);
  assert.equal(partsOf(encodeParts(3)), 3);
});

test('an object that no transaction can hold is refused', () => {
  const huge: KubeObject = { ...small, data: { noise: randomBytes(2_000_000).toString('base64') } };
  assert.throws(() => bytesOf(huge), { reason: 'RequestEntityTooLarge', code: 413 });
});
