// JSON Patch (RFC 6902), by fast-json-patch, refused as kube-apiserver refuses it.

import jsonPatch from 'fast-json-patch';
import { badRequest, StatusError } from '../errors.ts';
import { copyJson } from '../json-value.ts';

/** kube-apiserver says no more than this about an operation that does not apply; the cause is in its log. */
const rejected = 'the server rejected our request due to an error in our request';
const operations = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** Copies may double a document with each operation. */
const maxCopies = 100;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The index past the end that an `add` or `replace` names must not make holes: fast-json-patch checks adds, not replaces. */
function checkOperation(operation: Record<string, unknown>): void {
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !operations.has(op) || typeof path !== 'string')
    throw new StatusError('Invalid', rejected, {});
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw new StatusError('Invalid', rejected, {});
}

/**
 * A new value: `target` with the operations applied in order, all or none; neither argument is changed.
 * Throws BadRequest when `patch` is not a list of operations, and Invalid (422) when one does not apply or a test fails.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  let copies = 0;
  for (const operation of patch) {
    if (!isObject(operation))
      throw badRequest('error decoding patch: json: cannot unmarshal value into Go value of type handlers.jsonPatchOp');
    checkOperation(operation);
    if (operation['op'] === 'copy' && ++copies > maxCopies) throw new StatusError('Invalid', rejected, {});
  }
  try {
    const steps = copyJson(patch) as Parameters<typeof jsonPatch.applyPatch>[1];
    return jsonPatch.applyPatch(copyJson(target), steps, true, true, true).newDocument;
  } catch (error) {
    // Its own error for what does not apply; a TypeError where a path leads through a scalar.
    if (error instanceof Error) throw new StatusError('Invalid', rejected, {});
    throw error;
  }
}
