// An object as bytes. The first byte names the form, so that functions of different versions read each other's rows.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { KubeObject } from '../../core/api/objects.ts';
import { dictionary1 } from './dictionary-1.ts';

/** The first byte. A number is never given another meaning. */
const form = {
  /** JSON in UTF-8. */
  plain: 0,
  /** JSON, compressed (RFC 1951) with dictionary 1. */
  deflate1: 1,
  /** In pieces of its own, whose number is the second byte; put together they begin with a form again. */
  parts: 2,
} as const;

/** Below this a dictionary gains nothing worth its time, in bytes. */
const smallest = 64;

/** The shorter of the plain and the compressed form. */
export function encodeObject(object: KubeObject): Uint8Array {
  const json = Buffer.from(JSON.stringify(object));
  if (json.length >= smallest) {
    const packed = deflateRawSync(json, { dictionary: dictionary1 });
    if (packed.length < json.length) return withForm(form.deflate1, packed);
  }
  return withForm(form.plain, json);
}

/** Throws for bytes that a newer version wrote, and for such as are damaged. */
export function decodeObject(bytes: Uint8Array): KubeObject {
  const body = bytes.subarray(1);
  switch (bytes[0]) {
    case form.plain:
      return parse(body);
    case form.deflate1:
      return parse(inflateRawSync(body, { dictionary: dictionary1 }));
    default:
      throw new Error(`a stored object has the form ${bytes[0]}, which this version does not know`);
  }
}

/** Stands in for an object that is stored in `count` parts (at most 255). */
export const encodeParts = (count: number): Uint8Array => Uint8Array.of(form.parts, count);

/** How many parts the object is in; 0 when these bytes are the object. */
export const partsOf = (bytes: Uint8Array): number => (bytes[0] === form.parts ? bytes[1]! : 0);

function withForm(first: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = first;
  bytes.set(body, 1);
  return bytes;
}

const parse = (bytes: Uint8Array): KubeObject =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as KubeObject;
