// PATCH: the current object, changed as the patch says, then written as a PUT would be.
// Follows https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
import { badRequest, invalid, isStatus, StatusError } from '../../api/errors.ts';
import { goJson, invalidValue } from '../../api/field-errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import { applyJsonPatch } from '../../api/patch/json.ts';
import { applyMergePatch } from '../../api/patch/merge.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic.ts';
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

export async function patch(call: Call): Promise<Response> {
  const type = patchKind(call.request);
  const options = writeOptions(call.query, 'PatchOptions');
  const change = await readPatch(call, type);
  const scope = scopeOf(call, call.kind, options);
  const warned = call.warnings.length;
  const { stored } = await updateObject(scope, { namespace: scope.namespace, name: scope.name }, (current) => {
    call.warnings.length = warned;
    const next = patched(call, type, change, current, options.fieldValidation);
    matchName(next, scope.name, scope.namespace);
    return next;
  });
  return respondObject(call, 200, stored);
}

/** The patch itself, parsed. Throws BadRequest. */
export async function readPatch(call: Pick<Call, 'request'>, type: PatchKind): Promise<unknown> {
  const text = await readBody(call.request);
  const value = parseText(text, 'json', 'error decoding patch: ');
  if (type !== 'json') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badRequest('error decoding patch: the patch must be a JSON object');
    }
    return value;
  }
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
  type: PatchKind,
  change: unknown,
  current: KubeObject,
  validation: FieldValidation,
): KubeObject {
  const { kind } = call;
  const target = { ...current, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const result = applyPatch(type, target, change, kind.schema);
  const object = decodePatched(call, result, validation);
  applyKindDefaults(kind, object);
  return object;
}

/** kube-apiserver calls a patch invalid whose result is no such object, and shows the result. */
function decodePatched(
  { kind, warnings }: Pick<Call, 'kind' | 'warnings'>,
  result: unknown,
  validation: FieldValidation,
): KubeObject {
  try {
    return decodeParsed({ value: result }, expectedOf(kind), validation, warnings);
  } catch (error) {
    const why = isStatus(error, 'BadRequest')
      ? /cannot be handled as a [^:]+: (.*)$/s.exec(error.message)?.[1]
      : undefined;
    if (why === undefined) throw error;
    throw invalid('', '', '', [invalidValue('patch', goJson(result), why)]);
  }
}

function applyPatch(type: PatchKind, target: KubeObject, change: unknown, schema: string): unknown {
  switch (type) {
    case 'json':
      return applyJsonPatch(target, change as never);
    case 'merge':
      return applyMergePatch(target, change as never);
    case 'strategic':
      return applyStrategicMergePatch(schema, target, change as never);
  }
}
