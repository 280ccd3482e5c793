// PUT, and every other change of an object that exists: read, change, check, write if it is still what was read.
import { conflict, invalid, modifiedConflict, notFound } from '../../api/errors.ts';
import { invalidValue } from '../../api/field-errors.ts';
import { copyJson, sameJson } from '../../api/json-value.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import { emptyAsNull } from '../../api/schema/stored.ts';
import { hasUnknown, keepUnknown } from '../../api/schema/unknown.ts';
import { prune } from '../../api/schema/walker.ts';
import type { StoredObject } from '../../store/store.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { allocate, releaseAllocations } from '../allocation.ts';
import type { Call, WriteScope } from '../call.ts';
import { scopeOf } from '../call.ts';
import { readObject } from '../decode-body.ts';
import { applyKindDefaults } from '../defaults.ts';
import { maxWriteAttempts } from '../limits.ts';
import { keepManagedFieldTimes, trackManagedFields } from '../managers.ts';
import { afterAdmission, dedupeOwners, matchName, withoutRevision } from '../metadata.ts';
import { writeOptions } from '../options.ts';
import { prepareUpdate, validateUpdate } from '../prepare.ts';
import { respondObject } from '../respond.ts';
import { inVersion, served } from '../serialize.ts';
import type { Release } from '../server.ts';
import { checkSize, createObject } from './create.ts';

export async function update(call: Call): Promise<Response> {
  const options = writeOptions(call.query, 'UpdateOptions');
  const scope = scopeOf(call, call.kind, options);
  const object = await readObject(call, options.fieldValidation);
  matchName(object, scope.name, scope.namespace);
  dedupeOwners(object, scope.warnings);
  const key = { namespace: scope.namespace, name: scope.name };
  if (call.kind.allowCreateOnUpdate && scope.subresource === '') {
    if (!(await call.deps.store.get(call.kind.resource, key)))
      return respondObject(call, 201, await createByUpdate(scope, object));
  }
  const { stored } = await updateObject(scope, key, () => copyJson(object));
  return respondObject(call, 200, stored);
}

/** A PUT creates only what says nothing of an earlier version. */
async function createByUpdate(scope: WriteScope, object: KubeObject): Promise<StoredObject> {
  if (object.metadata.uid) {
    throw conflict(
      scope.kind,
      scope.name,
      `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: `,
    );
  }
  if (object.metadata.resourceVersion) throw notFound(scope.kind, scope.name);
  return await createObject(scope, object);
}

export interface Updated {
  stored: StoredObject;
  /** False: the object was already as wanted and nothing was written. */
  changed: boolean;
}

/** Makes the wanted object of the one that stands (with its resource version; never changed in place). Called again after a lost race. */
export type Change = (current: KubeObject) => KubeObject;

/**
 * Changes an object under optimistic concurrency, with managed fields, admission and validation, as PUT and PATCH do.
 * Throws NotFound, Conflict, Invalid and what admission refuses with.
 */
export async function updateObject(scope: WriteScope, key: ObjectKey, change: Change): Promise<Updated> {
  const { deps, kind } = scope;
  for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
    const stored = await deps.store.get(kind.resource, key);
    if (!stored) throw notFound(kind, key.name);
    const result = await attemptUpdate(scope, key, stored, change);
    if (result) return result;
  }
  throw modifiedConflict(kind, key.name);
}

/** The version that the writer saw must be the one that stands. Throws Conflict and Invalid. */
function checkPreconditions(scope: WriteScope, next: KubeObject, current: KubeObject): void {
  const { kind } = scope;
  const name = current.metadata.name ?? '';
  const { uid, resourceVersion } = next.metadata;
  if (uid && uid !== current.metadata.uid && !scope.isPatch) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== '0') {
    if (!/^\d+$/.test(resourceVersion)) {
      throw invalid(kind.kind, kind.group, name, [
        invalidValue('metadata.resourceVersion', resourceVersion, 'must be an unsigned integer'),
      ]);
    }
    if (resourceVersion !== current.metadata.resourceVersion) throw modifiedConflict(kind, name);
    return;
  }
  if (!kind.allowUnconditionalUpdate) {
    throw invalid(kind.plural, kind.group, name, [
      invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
  next.metadata.resourceVersion = current.metadata.resourceVersion;
}

/** What a later version has stored is not shown to the change, and is still there after it. */
function changed(schema: string, current: KubeObject, change: Change): KubeObject {
  if (!hasUnknown(schema, current)) return change(current);
  const next = change(prune(schema, current));
  keepUnknown(schema, current, next);
  return next;
}

/** Undefined: someone else wrote in between. */
async function attemptUpdate(
  scope: WriteScope,
  key: ObjectKey,
  stored: StoredObject,
  change: Change,
): Promise<Updated | undefined> {
  const { deps, kind } = scope;
  const current = served(kind, stored);
  const next = changed(kind.schema, current, change);
  trackManagedFields(scope, current, next);
  const request = admissionRequest(scope, 'UPDATE', next, current);
  await mutateAdmission(deps, request);
  applyKindDefaults(kind, next);
  dedupeOwners(next, scope.warnings, afterAdmission);
  checkPreconditions(scope, next, current);
  const warned = scope.warnings.length;
  prepareUpdate(scope, next, current);
  const releases: Release[] = [];
  try {
    releases.push(...(await allocate(scope, next, current)));
    validateUpdate(scope, next, current);
    keepManagedFieldTimes(next, current);
    releases.push(...(await validateAdmission(deps, request)));
    const done = await commitUpdate(scope, key, stored, next, current);
    if (done?.changed) return done;
    await releaseAll(deps, releases);
    // Another attempt warns anew.
    if (!done) scope.warnings.length = warned;
    return done;
  } catch (error) {
    await releaseAll(deps, releases);
    throw error;
  }
}

async function commitUpdate(
  scope: WriteScope,
  key: ObjectKey,
  stored: StoredObject,
  next: KubeObject,
  current: KubeObject,
): Promise<Updated | undefined> {
  const { deps, kind } = scope;
  const { resource } = kind;
  const expected = stored.revision;
  if (isFinished(kind.resource, next, current)) return await commitFinished(scope, key, stored, next);
  const clean = withoutRevision(next);
  emptyAsNull(scope.kind.schema, clean);
  if (sameJson(clean, inVersion(kind, stored.object))) return { stored, changed: false };
  const object = kind.toStorage ? kind.toStorage(clean) : clean;
  if (scope.dryRun) return { stored: { object, revision: stored.revision }, changed: true };
  checkSize(scope, object);
  const result = await deps.store.commit({ op: 'put', resource, key, object, expected });
  if (!result.ok) return undefined;
  await releaseAllocations(scope, current, next);
  return { stored: { object, revision: result.revision }, changed: true };
}

/** A deleted object that nothing holds any more is removed by the write that took its last finalizer away. */
function isFinished(resource: string, next: KubeObject, current: KubeObject): boolean {
  if (!current.metadata.deletionTimestamp || (next.metadata.finalizers?.length ?? 0) > 0) return false;
  if (resource === 'namespaces') {
    const { finalizers } = (next['spec'] ?? {}) as { finalizers?: string[] };
    if ((finalizers?.length ?? 0) > 0) return false;
  }
  return (current.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

async function commitFinished(
  scope: WriteScope,
  key: ObjectKey,
  stored: StoredObject,
  next: KubeObject,
): Promise<Updated | undefined> {
  const { deps, kind } = scope;
  const clean = withoutRevision(next);
  emptyAsNull(scope.kind.schema, clean);
  const object = kind.toStorage ? kind.toStorage(clean) : clean;
  if (scope.dryRun) return { stored: { object, revision: stored.revision }, changed: true };
  // Watchers see it as it was stored last, not as this write would have made it.
  const result = await deps.store.commit({
    op: 'delete',
    resource: kind.resource,
    key,
    object: stored.object,
    expected: stored.revision,
  });
  if (!result.ok) return undefined;
  await releaseAllocations(scope, next, undefined);
  return { stored: { object, revision: result.revision }, changed: true };
}
