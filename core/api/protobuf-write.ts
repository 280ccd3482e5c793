// JSON objects to Kubernetes protobuf messages, byte for byte as Go writes them: ascending field numbers, sorted map keys,
// zero values of fields that are no pointers included.
import type protobuf from 'protobufjs/minimal.js';
import type { Message, ProtoField } from './protobuf-plan.ts';
import { canonicalQuantity } from './quantity.ts';

type Writer = protobuf.Writer;
type Dictionary = Record<string, unknown>;

const varint = 0;
const lengthDelimited = 2;
const tag = (id: number, wireType: number): number => ((id << 3) | wireType) >>> 0;
const encoder = new TextEncoder();

const isObject = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const integer = (value: unknown): number => (typeof value === 'number' ? Math.trunc(value) : 0);

export function base64Bytes(value: string): Uint8Array {
  const binary = atob(value);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Seconds and nanoseconds; nothing for the zero time. */
function writeTime(writer: Writer, value: unknown, micro: boolean): void {
  const ms = Date.parse(text(value));
  if (Number.isNaN(ms)) return;
  const fraction = micro ? /\.(\d{1,6})/.exec(text(value))?.[1] : undefined;
  const nanos = fraction ? Number(fraction.padEnd(6, '0')) * 1000 : 0;
  writer
    .uint32(tag(1, varint))
    .int64(Math.floor(ms / 1000))
    .uint32(tag(2, varint))
    .int32(nanos);
}

function writeIntOrString(writer: Writer, value: unknown): void {
  const isText = typeof value === 'string';
  writer.uint32(tag(1, varint)).int64(isText ? 1 : 0);
  writer.uint32(tag(2, varint)).int32(isText ? 0 : integer(value));
  writer.uint32(tag(3, lengthDelimited)).string(text(value));
}

/** The value itself, without its tag. */
function writeValue(writer: Writer, field: ProtoField, value: unknown): void {
  switch (field.encoding) {
    case 'string':
      writer.string(text(value));
      return;
    case 'bool':
      writer.bool(value === true);
      return;
    case 'int32':
      writer.int32(integer(value));
      return;
    case 'int64':
      writer.int64(integer(value));
      return;
    case 'bytes':
      writer.bytes(base64Bytes(text(value)));
      return;
  }
  writer.fork();
  switch (field.encoding) {
    case 'quantity':
      writer.uint32(tag(1, lengthDelimited)).string(canonicalQuantity(String(value ?? '0')));
      break;
    case 'time':
    case 'microTime':
      writeTime(writer, value, field.encoding === 'microTime');
      break;
    case 'intOrString':
      writeIntOrString(writer, value);
      break;
    case 'rawJson':
      if (value !== undefined && value !== null)
        writer.uint32(tag(1, lengthDelimited)).bytes(encoder.encode(JSON.stringify(value)));
      break;
    case 'strings':
      for (const item of Array.isArray(value) ? value : []) writer.uint32(tag(1, lengthDelimited)).string(text(item));
      break;
    case 'message':
      writeMessage(writer, field.message!(), isObject(value) ? value : {});
      break;
  }
  writer.ldelim();
}

const isVarint = ({ encoding }: ProtoField): boolean =>
  encoding === 'bool' || encoding === 'int32' || encoding === 'int64';
const wireType = (field: ProtoField): number => (isVarint(field) ? varint : lengthDelimited);

function writeMap(writer: Writer, field: ProtoField, values: Dictionary): void {
  const head = tag(field.id, lengthDelimited);
  for (const key of Object.keys(values).sort()) {
    writer.uint32(head).fork().uint32(tag(1, lengthDelimited)).string(key);
    if (field.encoding !== 'bytes' || typeof values[key] === 'string') {
      writer.uint32(tag(2, wireType(field)));
      writeValue(writer, field, values[key]);
    }
    writer.ldelim();
  }
}

function writeField(writer: Writer, field: ProtoField, object: Dictionary): void {
  if (field.embedded) {
    writer.uint32(tag(field.id, lengthDelimited)).fork();
    writeMessage(writer, field.message!(), object);
    writer.ldelim();
    return;
  }
  const value = object[field.name];
  if (field.shape === 'map') {
    if (isObject(value)) writeMap(writer, field, value);
    return;
  }
  if (field.shape === 'repeated') {
    for (const item of Array.isArray(value) ? value : []) {
      writer.uint32(tag(field.id, wireType(field)));
      writeValue(writer, field, item);
    }
    return;
  }
  // Lists of bytes and wrapped lists are nil in Go where they were not given.
  const isNilable = field.pointer || field.encoding === 'bytes' || field.encoding === 'strings';
  if ((value === undefined || value === null) && isNilable) return;
  writer.uint32(tag(field.id, wireType(field)));
  writeValue(writer, field, value);
}

export function writeMessage(writer: Writer, message: Message, object: Dictionary): void {
  for (const field of message.fields) writeField(writer, field, object);
}
