// Objects that are too large for one item (400 KB) are cut into parts. A part is never changed: it is written in the
// transaction that writes its object, and named by the object's revision, so parts of two versions cannot be mixed up. When the
// object is replaced its parts stay for the readers of the log and get a time to go.
// Limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
import { StatusError } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { decodeObject, encodeObject, encodeParts, partsOf } from './encode.ts';
import type { ItemKey } from './keys.ts';
import { partKey } from './keys.ts';

/** A row holds two objects at most, and both must fit with what else is in it. In bytes, as all of these. */
const largestInline = 180 * 1_024;
const partSize = 380 * 1_024;
/** A transaction writes 4 MB at most: the object's parts, and those of the object that it replaces. */
const largestObject = 1_900 * 1_024;

const encoded = new WeakMap<KubeObject, Uint8Array>();

/** As encodeObject; made once for an object that is written again or stands before another. Throws RequestEntityTooLarge. */
export function bytesOf(object: KubeObject): Uint8Array {
  let bytes = encoded.get(object);
  if (!bytes) encoded.set(object, (bytes = encodeObject(object)));
  if (bytes.length > largestObject) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `the object has ${bytes.length} bytes when compressed, the store takes ${largestObject}`,
    );
  }
  return bytes;
}

/** What an item holds of an object: its bytes, or how many parts it is in. */
export const inlineOf = (bytes: Uint8Array): Uint8Array =>
  bytes.length <= largestInline ? bytes : encodeParts(Math.ceil(bytes.length / partSize));

/** The parts themselves; none for an object that fits. */
export function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const count = partsOf(inlineOf(bytes));
  return Array.from({ length: count }, (_, part) => bytes.subarray(part * partSize, (part + 1) * partSize));
}

/** An object as an item holds it, and what names its parts. */
export interface Reference {
  readonly bytes: Uint8Array;
  readonly order: string;
  readonly revision: Revision;
}

/** Where the parts of an object are, if it is in parts. */
export const partKeys = (resource: Resource, { bytes, order, revision }: Reference): ItemKey[] =>
  Array.from({ length: partsOf(bytes) }, (_, part) => partKey(resource, order, revision, part));

/** Puts an object together. Throws when a part is missing: it has expired together with what refers to it. */
export function assemble(resource: Resource, reference: Reference, parts: ReadonlyMap<string, Uint8Array>): KubeObject {
  const keys = partKeys(resource, reference);
  if (keys.length === 0) return decodeObject(reference.bytes);
  const pieces = keys.map(({ sk }) => {
    const piece = parts.get(sk);
    if (!piece) throw new Error(`a part of ${resource} ${sk} is missing`);
    return piece;
  });
  return decodeObject(Buffer.concat(pieces));
}
