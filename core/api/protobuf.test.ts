// Objects of every kind, both ways, against the bytes and the JSON that client-go 0.36.3 made of them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { dataFrame, decodeProtobuf, encodeProtobuf, hasProtobuf, ProtobufError, readDataFrame } from './protobuf.ts';

interface Recorded {
  /** Object as JSON, its bytes in base64, and the object read back from them as JSON. */
  i: string;
  p: string;
  o: string;
}

const recorded = readFileSync(new URL('../../test/golden/protobuf/objects.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const base64Of = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

test('objects are written byte for byte as Go writes them', () => {
  for (const { i: json, p: bytes } of recorded)
    assert.equal(base64Of(encodeProtobuf(JSON.parse(json) as object)), bytes, json);
});

test('messages are read as Go reads them', () => {
  for (const { p: bytes, o: json } of recorded) {
    const { value } = decodeProtobuf(bytesOf(bytes));
    const { kind, apiVersion, ...rest } = value;
    assert.equal(JSON.stringify({ kind, apiVersion, ...rest }), JSON.stringify(JSON.parse(json)));
  }
});

test('a watch event is framed by its length and holds the object in its envelope', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' } };
  const frame = dataFrame('ADDED', pod);
  assert.equal(new DataView(frame.buffer).getUint32(0), frame.length - 4);
  const { type, object } = readDataFrame(frame.subarray(4));
  assert.equal(type, 'ADDED');
  assert.deepEqual([object.schema, object.value.metadata.name], ['io.k8s.api.core.v1.Pod', 'web']);
});

test('options and statuses are found in every group; tables and custom resources have no message', () => {
  assert.equal(hasProtobuf('apps/v1', 'DeleteOptions'), true);
  assert.equal(hasProtobuf('v1', 'Status'), true);
  assert.equal(hasProtobuf('meta.k8s.io/v1', 'PartialObjectMetadataList'), true);
  assert.equal(hasProtobuf('meta.k8s.io/v1', 'Table'), false);
  assert.equal(hasProtobuf('example.com/v1', 'Thing'), false);
  assert.throws(() => encodeProtobuf({ apiVersion: 'example.com/v1', kind: 'Thing' }), ProtobufError);
});

test('what is no message is refused in the words of kube-apiserver', () => {
  assert.throws(() => decodeProtobuf(new TextEncoder().encode('{"kind":"Pod"}')), {
    name: 'ProtobufError',
    message: 'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
  });
  assert.throws(() => decodeProtobuf(encodeProtobuf({ apiVersion: 'v1', kind: 'Pod' }).subarray(0, 12)), ProtobufError);
});

test('mutated messages are read or refused, and nothing else happens', () => {
  let state = 17;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  for (let i = 0; i < 10_000; i++) {
    const bytes = bytesOf(recorded[below(recorded.length)]!.p);
    for (let n = below(4); n >= 0; n--) bytes[4 + below(bytes.length - 4)] = below(256);
    const cut = below(5) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
    try {
      encodeProtobuf(decodeProtobuf(cut).value);
    } catch (error) {
      assert.ok(error instanceof ProtobufError, `${base64Of(cut)}\n${(error as Error).stack}`);
    }
  }
});
