// JSON Patch (RFC 6902), by fast-json-patch, refused as kube-apiserver refuses it.

import jsonPatch, { type MoveOperation, type Operation, type OperationResult, type Validator } from 'fast-json-patch';
import { badRequest, StatusError } from '../errors.ts';
import { copyJson } from '../json-value.ts';

/** kube-apiserver says no more than this about an operation that does not apply; the cause is in its log. */
const rejected = 'the server rejected our request due to an error in our request';
const operations = new Set(['add', 'remove', 'replace', 'move', 'copy', 'test']);
/** What all copies of a patch may hold together, in characters of JSON: each may double the document. kube-apiserver's limit. */
const maxCopied = 3 * 1024 * 1024;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const refused = (): StatusError => new StatusError('Invalid', rejected, {});

/** The index past the end that an `add` or `replace` names must not make holes: fast-json-patch checks adds, not replaces. */
function checkOperation(operation: Record<string, unknown>): void {
  const { op, path, from } = operation;
  if (typeof op !== 'string' || !operations.has(op) || typeof path !== 'string') throw refused();
  if ((op === 'move' || op === 'copy') && typeof from !== 'string') throw refused();
}

/** The library's own checks, but for its walk over each value: they come from JSON, and moved ones may be large. */
const check: Validator<unknown> = (operation, index, document, existing) => {
  const short = 'value' in operation && operation.value !== undefined ? { ...operation, value: null } : operation;
  jsonPatch.validator(short as Operation, index, document, existing);
};

/** One operation; `document` is changed. Throws Errors of fast-json-patch, and TypeErrors where a path leads through a scalar. */
const step = (document: unknown, operation: Operation): OperationResult<unknown> =>
  jsonPatch.applyOperation(document, operation, check, true, true);

/** Throws when nothing is there. */
function valueAt(document: unknown, path: string): unknown {
  const operation: Operation = { op: '_get', path, value: undefined };
  step(document, operation);
  return operation.value;
}

/** As remove and add, which it is: fast-json-patch would copy the whole document each time. */
function move(document: unknown, { from, path }: MoveOperation): unknown {
  if (path === '') return valueAt(document, from);
  if (from === '') throw refused();
  const value = step(document, { op: 'remove', path: from }).removed;
  return step(document, { op: 'add', path, value }).newDocument;
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
  for (const operation of patch) {
    if (!isObject(operation))
      throw badRequest('error decoding patch: json: cannot unmarshal value into Go value of type handlers.jsonPatchOp');
    checkOperation(operation);
  }
  let document = copyJson(target);
  let copied = 0;
  try {
    for (const operation of copyJson(patch) as Operation[]) {
      if (operation.op === 'move') document = move(document, operation);
      else if (operation.op === 'copy') {
        const text = JSON.stringify(valueAt(document, operation.from));
        copied += text.length;
        if (copied > maxCopied) throw refused();
        document = step(document, { op: 'add', path: operation.path, value: JSON.parse(text) as unknown }).newDocument;
      } else document = step(document, operation).newDocument;
    }
    return document;
  } catch (error) {
    if (error instanceof Error && !(error instanceof StatusError)) throw refused();
    throw error;
  }
}
