// Kubernetes protobuf messages to JSON objects. What was not written stays absent; the schema walker fills in what Go shows.
import type protobuf from 'protobufjs/minimal.js';
import type { Message, ProtoField } from './protobuf-plan.ts';
import { setOwn } from './schema/canonical.ts';

type Reader = protobuf.Reader;
type Dictionary = Record<string, unknown>;

const lengthDelimited = 2;
const decoder = new TextDecoder();
const base64ChunkBytes = 0x2000;

function base64Text(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += base64ChunkBytes) {
    binary += String.fromCharCode(...bytes.subarray(at, at + base64ChunkBytes));
  }
  return btoa(binary);
}

/** A Long, or a number where that library is left out of a bundle. */
const asNumber = (value: unknown): number => Number(String(value));

/** The fields of a small message with numbers for names: varints and byte strings. Unknown wire types are passed by. */
function readPlain(reader: Reader, end: number): { numbers: Map<number, number>; bytes: Map<number, Uint8Array[]> } {
  const numbers = new Map<number, number>();
  const bytes = new Map<number, Uint8Array[]>();
  while (reader.pos < end) {
    const head = reader.uint32();
    const [id, wire] = [head >>> 3, head & 7];
    if (wire === 0) numbers.set(id, asNumber(reader.int64()));
    else if (wire === lengthDelimited) bytes.set(id, [...(bytes.get(id) ?? []), reader.bytes()]);
    else reader.skipType(wire);
  }
  return { numbers, bytes };
}

const textOf = (bytes: Uint8Array | undefined): string => (bytes ? decoder.decode(bytes) : '');
const earliestSeconds = -62135596800;

/** RFC 3339 in UTC; null for the zero time. */
function timeText(numbers: ReadonlyMap<number, number>, micro: boolean): string | null {
  const seconds = numbers.get(1);
  if (seconds === undefined && !numbers.has(2)) return null;
  const nanos = numbers.get(2) ?? 0;
  if (seconds === earliestSeconds && nanos === 0) return null;
  const iso = new Date((seconds ?? 0) * 1000).toISOString();
  const whole = iso.slice(0, iso.indexOf('.'));
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

function readDelimited(reader: Reader, field: ProtoField): unknown {
  if (field.encoding === 'string') return reader.string();
  if (field.encoding === 'bytes') return base64Text(reader.bytes());
  const end = reader.uint32() + reader.pos;
  if (end > reader.len) throw new RangeError('unexpected EOF');
  if (field.encoding === 'message') return readMessage(reader, end, field.message!());
  const { numbers, bytes } = readPlain(reader, end);
  const first = bytes.get(1)?.at(-1);
  switch (field.encoding) {
    case 'quantity':
      return textOf(first) || '0';
    case 'time':
    case 'microTime':
      return timeText(numbers, field.encoding === 'microTime');
    case 'intOrString':
      return numbers.get(1) === 1 ? textOf(bytes.get(3)?.at(-1)) : (numbers.get(2) ?? 0);
    case 'rawJson':
      return first && first.length > 0 ? (JSON.parse(textOf(first)) as unknown) : null;
    case 'strings':
      return (bytes.get(1) ?? []).map(textOf);
    default:
      throw new TypeError('proto: wrong wireType');
  }
}

function readVarint(reader: Reader, field: ProtoField): unknown {
  switch (field.encoding) {
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return asNumber(reader.int64());
    default:
      throw new TypeError(`proto: wrong wireType = 0 for field ${field.name}`);
  }
}

const isVarint = (field: ProtoField): boolean =>
  field.encoding === 'bool' || field.encoding === 'int32' || field.encoding === 'int64';

function readOne(reader: Reader, field: ProtoField, wire: number): unknown {
  if (wire === 0) return readVarint(reader, field);
  if (wire === lengthDelimited && !isVarint(field)) return readDelimited(reader, field);
  throw new TypeError(`proto: wrong wireType = ${wire} for field ${field.name}`);
}

function readRepeated(reader: Reader, field: ProtoField, wire: number, items: unknown[]): void {
  if (wire === lengthDelimited && isVarint(field)) {
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) items.push(readVarint(reader, field));
  } else items.push(readOne(reader, field, wire));
}

function readMapEntry(reader: Reader, field: ProtoField, target: Dictionary): void {
  const end = reader.uint32() + reader.pos;
  let key = '';
  let value: unknown;
  while (reader.pos < end) {
    const head = reader.uint32();
    if (head >>> 3 === 1) key = reader.string();
    else if (head >>> 3 === 2) value = readOne(reader, field, head & 7);
    else reader.skipType(head & 7);
  }
  setOwn(target, key, value ?? null);
}

/** Reads up to `end`. Throws Error for what is cut off or of the wrong type. */
export function readMessage(reader: Reader, end: number, message: Message, into: Dictionary = {}): Dictionary {
  while (reader.pos < end) {
    const head = reader.uint32();
    const field = message.byId.get(head >>> 3);
    const wire = head & 7;
    if (!field) reader.skipType(wire);
    else if (field.embedded) {
      if (wire !== lengthDelimited) throw new TypeError(`proto: wrong wireType = ${wire} for field ${field.name}`);
      const innerEnd = reader.uint32() + reader.pos;
      readMessage(reader, innerEnd, field.message!(), into);
    } else if (field.shape === 'map') {
      readMapEntry(reader, field, (into[field.name] ??= {}) as Dictionary);
    } else if (field.shape === 'repeated') {
      readRepeated(reader, field, wire, (into[field.name] ??= []) as unknown[]);
    } else into[field.name] = readOne(reader, field, wire);
  }
  if (reader.pos > end) throw new RangeError('unexpected EOF');
  return into;
}
