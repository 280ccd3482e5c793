// application/vnd.kubernetes.protobuf: the four bytes `k8s\0` and a runtime.Unknown that holds the object's message.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
import protobuf from 'protobufjs/minimal.js';
import type { KubeObject } from './objects.ts';
import { messageNamed, messageOf, schemaOfMessage } from './protobuf-plan.ts';
import { readMessage } from './protobuf-read.ts';
import { writeMessage } from './protobuf-write.ts';
import { hasSchema } from './schema/plan.ts';
import { DecodeError, decode } from './schema/walker.ts';

/** A body that is not a Kubernetes protobuf message, or an object that has no such form. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtobufError';
  }
}

const magic = Uint8Array.of(0x6b, 0x38, 0x73, 0);
const frameHeaderBytes = 4;

const typeMetaField = 1;
const rawField = 2;
const contentEncodingField = 3;
const lengthDelimited = 2;
const tag = (id: number): number => ((id << 3) | lengthDelimited) >>> 0;

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
}

function readEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length < magic.length || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new ProtobufError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const reader = protobuf.Reader.create(bytes.subarray(magic.length));
  const envelope: Envelope = { apiVersion: '', kind: '', raw: new Uint8Array() };
  while (reader.pos < reader.len) {
    const head = reader.uint32();
    if (head === tag(typeMetaField)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) {
        const inner = reader.uint32();
        if (inner === tag(1)) envelope.apiVersion = reader.string();
        else if (inner === tag(2)) envelope.kind = reader.string();
        else reader.skipType(inner & 7);
      }
    } else if (head === tag(rawField)) envelope.raw = reader.bytes();
    else if (head === tag(contentEncodingField)) {
      const encoding = reader.string();
      if (encoding) throw new ProtobufError(`unsupported content encoding ${JSON.stringify(encoding)}`);
    } else reader.skipType(head & 7);
  }
  return envelope;
}

export interface DecodedProtobuf {
  apiVersion: string;
  kind: string;
  /** Name in schemas-1.36.json. */
  schema: string;
  /** In the canonical form of schema/walker.ts, apiVersion and kind set. */
  value: KubeObject;
}

/** Throws ProtobufError for anything that cannot be read. */
export function decodeProtobuf(bytes: Uint8Array): DecodedProtobuf {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const name = messageOf(apiVersion, kind);
    if (!name) throw new ProtobufError(`no kind "${kind}" is registered for version "${apiVersion}"`);
    const schema = schemaOfMessage(name);
    const read = readMessage(protobuf.Reader.create(raw), raw.length, messageNamed(name));
    const value = hasSchema(schema) ? decode(schema, read).value : (read as KubeObject);
    return { apiVersion, kind, schema, value: { ...value, apiVersion, kind } };
  } catch (error) {
    if (error instanceof ProtobufError) throw error;
    if (error instanceof DecodeError || error instanceof Error) throw new ProtobufError(error.message);
    throw error;
  }
}

/** Whether an object of this type can be sent as protobuf. */
export const hasProtobuf = (apiVersion: string, kind: string): boolean => messageOf(apiVersion, kind) !== undefined;

/** The envelope with the object in it. `object` holds apiVersion and kind. Throws ProtobufError for types without a message. */
export function encodeProtobuf(object: object): Uint8Array {
  const { apiVersion = '', kind = '' } = object as Partial<KubeObject>;
  const name = messageOf(apiVersion, kind);
  if (!name) throw new ProtobufError(`${kind} of ${apiVersion} has no protobuf form`);
  const writer = protobuf.Writer.create();
  writer.uint32(tag(typeMetaField)).fork();
  writer.uint32(tag(1)).string(apiVersion).uint32(tag(2)).string(kind).ldelim();
  writer.uint32(tag(rawField)).fork();
  writeMessage(writer, messageNamed(name), object as Record<string, unknown>);
  writer.ldelim();
  writer.uint32(tag(contentEncodingField)).string('').uint32(tag(4)).string('');
  const body = writer.finish();
  const bytes = new Uint8Array(magic.length + body.length);
  bytes.set(magic);
  bytes.set(body, magic.length);
  return bytes;
}

/** One event of a watch: its length in four bytes (big endian), then a WatchEvent that holds the object in its envelope. */
export function dataFrame(type: string, object: object): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(tag(1)).string(type).uint32(tag(2)).fork();
  writer.uint32(tag(1)).bytes(encodeProtobuf(object)).ldelim();
  const body = writer.finish();
  const bytes = new Uint8Array(frameHeaderBytes + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, frameHeaderBytes);
  return bytes;
}

/** A whole frame without its length, read back. Throws ProtobufError. */
export function readDataFrame(frame: Uint8Array): { type: string; object: DecodedProtobuf } {
  const reader = protobuf.Reader.create(frame);
  let type = '';
  let raw: Uint8Array | undefined;
  try {
    while (reader.pos < reader.len) {
      const head = reader.uint32();
      if (head === tag(1)) type = reader.string();
      else if (head === tag(2)) {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) {
          const inner = reader.uint32();
          if (inner === tag(1)) raw = reader.bytes();
          else reader.skipType(inner & 7);
        }
      } else reader.skipType(head & 7);
    }
  } catch (error) {
    throw new ProtobufError((error as Error).message);
  }
  return { type, object: decodeProtobuf(raw ?? new Uint8Array()) };
}
