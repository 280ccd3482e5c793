// POST: a new object. Order of work as in kube-apiserver: managed fields, mutating admission, system fields, the kind's
// strategy and validation, validating admission, the store.
import { alreadyExists, StatusError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/objects.ts';
import { keyOf } from '../../api/objects.ts';
import { emptyAsNull } from '../../api/schema/stored.ts';
import type { StoredObject } from '../../store/store.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { allocate } from '../allocation.ts';
import type { Call, WriteScope } from '../call.ts';
import { scopeOf } from '../call.ts';
import { readObject } from '../decode-body.ts';
import { applyKindDefaults } from '../defaults.ts';
import { maxNameAttempts, maxObjectBytes } from '../limits.ts';
import { trackManagedFields } from '../managers.ts';
import { afterAdmission, dedupeOwners, matchNamespace, wipeSystemFields, withoutRevision } from '../metadata.ts';
import { writeOptions } from '../options.ts';
import { fillSystemFields, generatedName, prepareCreate, validateCreate } from '../prepare.ts';
import { respondObject } from '../respond.ts';
import { objectJson } from '../serialize.ts';
import type { Release } from '../server.ts';

export async function create(call: Call): Promise<Response> {
  const options = writeOptions(call.query, 'CreateOptions');
  const scope = scopeOf(call, call.kind, options);
  const object = await readObject(call, options.fieldValidation);
  return respondObject(call, 201, await createObject(scope, object));
}

/** Stores a decoded and defaulted object; it belongs to this function from here on. Throws StatusError. */
export async function createObject(scope: WriteScope, object: KubeObject): Promise<StoredObject> {
  if (object.metadata.resourceVersion) {
    throw new StatusError('BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  wipeSystemFields(object);
  matchNamespace(object, scope.namespace);
  dedupeOwners(object, scope.warnings);
  trackManagedFields(scope, undefined, object);
  const request = admissionRequest(scope, 'CREATE', object, undefined);
  await mutateAdmission(scope.deps, request);
  applyKindDefaults(scope.kind, object);
  dedupeOwners(object, scope.warnings, afterAdmission);

  const { generateName } = object.metadata;
  const generated = !object.metadata.name && generateName ? generateName : '';
  fillSystemFields(scope, object);
  prepareCreate(scope, object);
  const releases: Release[] = [];
  try {
    releases.push(...(await allocate(scope, object, undefined)));
    validateCreate(scope, object);
    request.name = object.metadata.name ?? '';
    releases.push(...(await validateAdmission(scope.deps, request)));
    return await commitNew(scope, object, generated);
  } catch (error) {
    await releaseAll(scope.deps, releases);
    throw error;
  }
}

/** Creates with another name when the generated one is taken. */
async function commitNew(scope: WriteScope, object: KubeObject, generateName: string): Promise<StoredObject> {
  const { deps, kind } = scope;
  for (let attempt = 1; ; attempt++) {
    const key = keyOf(object);
    const clean = withoutRevision(object);
    emptyAsNull(kind.schema, clean);
    const stored = kind.toStorage ? kind.toStorage(clean) : clean;
    if (scope.dryRun) {
      if (await deps.store.get(kind.resource, key)) throw alreadyExists(kind, key.name);
      return { object: stored, revision: 0 };
    }
    checkSize(scope, stored);
    const result = await deps.store.commit({
      op: 'put',
      resource: kind.resource,
      key,
      object: stored,
      expected: 'absent',
    });
    if (result.ok) return { object: stored, revision: result.revision };
    if (!generateName) throw taken(scope, key.name, result.current);
    if (attempt >= maxNameAttempts) {
      throw new StatusError(
        'AlreadyExists',
        `${alreadyExists(kind, key.name).message}, the server was not able to generate a unique name for the object`,
        alreadyExists(kind, key.name).details,
      );
    }
    object = { ...object, metadata: { ...object.metadata, name: generatedName(scope, generateName) } };
  }
}

function taken(scope: WriteScope, name: string, current: StoredObject | undefined): StatusError {
  const error = alreadyExists(scope.kind, name);
  if (!current?.object.metadata.deletionTimestamp) return error;
  return new StatusError('AlreadyExists', `object is being deleted: ${error.message}`, error.details);
}

/** Throws RequestEntityTooLarge for an object that no store would take. */
export function checkSize(scope: WriteScope, object: KubeObject): void {
  // The text is kept: the answer and the watchers need it anyway.
  const { length } = objectJson(scope.kind, { object, revision: 0 });
  if (length > maxObjectBytes) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `Request is too large: the object has ${length} bytes, the limit is ${maxObjectBytes}`,
    );
  }
}
