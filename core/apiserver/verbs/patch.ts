// PATCH: the current object, changed as the patch says, then written as a PUT would be.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
import { badRequest, invalid, isStatus, StatusError } from '../../api/errors.ts';
import { goJson, goQuote, invalidValue } from '../../api/field-errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import { applyJsonPatch } from '../../api/patch/json.ts';
import { applyMergePatch } from '../../api/patch/merge.ts';
import { applyStrategicMergePatch, goPrint } from '../../api/patch/strategic.ts';
import { duplicateFields, type ParsedBody } from '../../api/strict-json.ts';
import type { Call } from '../call.ts';
import { scopeOf } from '../call.ts';
import { decodeParsed, expectedOf, parseText } from '../decode-body.ts';
import { applyKindDefaults } from '../defaults.ts';
import { matchName } from '../metadata.ts';
import { type PatchKind, patchKind } from '../negotiate.ts';
import { type FieldValidation, writeOptions } from '../options.ts';
import { readBody } from '../read-body.ts';
import { respondObject } from '../respond.ts';
import { apiVersionOf } from '../serialize.ts';
import { updateObject } from './update.ts';

const maxJsonPatchOperations = 10_000;
const maxStrictErrors = 100;

export async function patch(call: Call): Promise<Response> {
  // A type that is not known is refused before anything else is looked at.
  patchKind(call.request);
  const options = writeOptions(call.query, 'PatchOptions');
  const change = await readPatch(call);
  const scope = { ...scopeOf(call, call.kind, options), isPatch: true };
  const warned = call.warnings.length;
  const { stored } = await updateObject(scope, { namespace: scope.namespace, name: scope.name }, (current) => {
    call.warnings.length = warned;
    const next = patched(call, change, current, options.fieldValidation);
    matchName(next, scope.name, scope.namespace);
    return next;
  });
  return respondObject(call, 200, stored);
}

/** A patch as it was sent. */
export interface Patch {
  type: PatchKind;
  value: unknown;
  /** What strict reading of its text finds: fields that stand twice, fields that no operation has. */
  strictErrors: readonly string[];
}

/** The patch itself, parsed. Throws BadRequest. */
export async function readPatch({ request }: Pick<Call, 'request'>): Promise<Patch> {
  const type = patchKind(request);
  const prefix = type === 'strategic' ? '' : 'error decoding patch: ';
  const parsed = parseText(await readBody(request), 'json', prefix);
  if (type === 'json') return { type, value: operations(parsed.value), strictErrors: operationErrors(parsed) };
  const { value } = parsed;
  if (value === null) {
    // To Go, null is an empty map; its library for merge patches thinks otherwise.
    if (type === 'strategic') return { type, value: {}, strictErrors: [] };
    throw badRequest('Invalid JSON Patch');
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    const given = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    throw badRequest(`${prefix}json: cannot unmarshal ${given} into Go value of type map[string]interface {}`);
  }
  return { type, value, strictErrors: duplicateFields(parsed) };
}

const operationFields = new Set(['op', 'path', 'from', 'value']);

/** What is wrong with the operations of a JSON patch, if one reads strictly. */
function operationErrors(parsed: ParsedBody): string[] {
  const unknown = ((parsed.value ?? []) as readonly object[]).flatMap((operation, index) =>
    Object.keys(operation ?? {})
      .filter((field) => !operationFields.has(field))
      .map((field) => `unknown field ${goQuote(`[${index}].${field}`)}`),
  );
  return [...duplicateFields(parsed), ...unknown].slice(0, maxStrictErrors).map((error) => `json patch ${error}`);
}

/** The operations of a JSON patch. Throws BadRequest and RequestEntityTooLarge. */
function operations(value: unknown): unknown[] {
  if (value === null) return [];
  if (!Array.isArray(value))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  if (value.length > maxJsonPatchOperations) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${maxJsonPatchOperations}, got ${value.length}`,
    );
  }
  return value;
}

/** A new object: the current one with the patch applied, typed and defaulted. Throws BadRequest and Invalid. */
export function patched(
  call: Pick<Call, 'kind' | 'warnings'>,
  change: Patch,
  current: KubeObject,
  validation: FieldValidation,
): KubeObject {
  const { kind } = call;
  const target = { ...current, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const result = applyPatch(change, target, kind.schema);
  const object = decodePatched(call, change, result, validation);
  applyKindDefaults(kind, object);
  return object;
}

/** kube-apiserver calls a patch invalid whose result is no such object, and shows the result; of a strategic one, the patch. */
function decodePatched(
  { kind, warnings }: Pick<Call, 'kind' | 'warnings'>,
  { type, value, strictErrors }: Patch,
  result: unknown,
  validation: FieldValidation,
): KubeObject {
  try {
    return decodeParsed({ value: result, strictErrors }, expectedOf(kind), validation, warnings);
  } catch (error) {
    const why = isStatus(error, 'BadRequest')
      ? /cannot be handled as a [^:]+: (.*)$/s.exec(error.message)?.[1]
      : undefined;
    if (why === undefined) throw error;
    throw invalid('', '', '', [invalidValue('patch', type === 'strategic' ? goPrint(value) : goJson(result), why)]);
  }
}

function applyPatch({ type, value }: Patch, target: KubeObject, schema: string): unknown {
  switch (type) {
    case 'json':
      return applyJsonPatch(target, value);
    case 'merge':
      return applyMergePatch(target, value);
    case 'strategic':
      return applyStrategicMergePatch(schema, target, value);
  }
}
