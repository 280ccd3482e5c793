// Subresources that read the whole object and write one part of it.

import { copyJson } from '../../api/json-value.ts';
import type { KubeObject } from '../../api/objects.ts';
import { type Call, scopeOf } from '../call.ts';
import { readObject } from '../decode-body.ts';
import { matchName } from '../metadata.ts';
import { type FieldValidation, writeOptions } from '../options.ts';
import { respondObject } from '../respond.ts';
import type { HandlerContext } from '../server.ts';
import { current } from '../verbs/get.ts';
import { patched, readPatch } from '../verbs/patch.ts';
import { updateObject } from '../verbs/update.ts';

/** `take` gives the object to store from what stands (a copy that may be changed) and what the client wants. */
export async function writePart(
  context: HandlerContext,
  take: (standing: KubeObject, wanted: KubeObject) => KubeObject,
): Promise<Response> {
  const call = context as Call;
  const { kind, info } = call;
  if (info.verb === 'get') return respondObject(call, 200, await current(call));
  const isPatch = info.verb === 'patch';
  const options = writeOptions(call.query, isPatch ? 'PatchOptions' : 'UpdateOptions');
  const scope = { ...scopeOf(call, kind, options), isPatch };
  const wantedOf = isPatch
    ? await patching(call, options.fieldValidation)
    : await replacing(call, options.fieldValidation);
  const { stored } = await updateObject(scope, { namespace: scope.namespace, name: scope.name }, (standing) => {
    const wanted = wantedOf(standing);
    matchName(wanted, scope.name, scope.namespace);
    return take(copyJson(standing), wanted);
  });
  return respondObject(call, 200, stored);
}

type Wanted = (standing: KubeObject) => KubeObject;

async function patching(call: Call, validation: FieldValidation): Promise<Wanted> {
  const patch = await readPatch(call);
  return (standing) => patched(call, patch, standing, validation);
}

async function replacing(call: Call, validation: FieldValidation): Promise<Wanted> {
  const object = await readObject(call, validation);
  return () => copyJson(object);
}
