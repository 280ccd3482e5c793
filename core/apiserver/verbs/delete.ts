// DELETE: at once, after a grace period, or when the last finalizer is gone.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
// and https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import { conflict, modifiedConflict, notFound } from '../../api/errors.ts';
import { sameJson } from '../../api/json-value.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { StoredObject } from '../../store/store.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { releaseAllocations } from '../allocation.ts';
import type { Call, WriteScope } from '../call.ts';
import { scopeOf } from '../call.ts';
import { type DeleteOptions, readDeleteOptions } from '../delete-options.ts';
import { marked } from '../deletion-marks.ts';
import { deletionWarnings, returnsDeletedObject } from '../deletion-policy.ts';
import { maxWriteAttempts } from '../limits.ts';
import { respondObject, respondStatus } from '../respond.ts';
import { served, storedGroup } from '../serialize.ts';

export async function remove(call: Call): Promise<Response> {
  const options = await readDeleteOptions(call);
  const scope = deleteScope(call, options);
  const key = { namespace: scope.namespace, name: scope.name };
  call.warnings.push(...deletionWarnings(call.kind, options));
  const { stored, gone } = await deleteObject(scope, key, options);
  // Namespaces are always shown: they end later, by their controller.
  if (!gone || returnsDeletedObject(call.kind)) {
    return respondObject(call, !gone && options.orphanDependents === false ? 202 : 200, stored);
  }
  const { uid } = stored.object.metadata;
  const { group, plural } = call.kind;
  return respondStatus(call, 200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: key.name, ...(group ? { group } : {}), kind: plural, ...(uid ? { uid } : {}) },
  });
}

export const deleteScope = (call: Call, options: DeleteOptions): WriteScope => ({
  ...scopeOf(call, call.kind, { dryRun: options.dryRun, fieldManager: '', fieldValidation: 'Ignore' }),
  options: { ...options },
});

export interface Deleted {
  /** The object as it was last, or as it is now marked. */
  stored: StoredObject;
  /** False: it ends later. */
  gone: boolean;
}

/** Throws NotFound, Conflict (preconditions) and what admission refuses with. */
export async function deleteObject(scope: WriteScope, key: ObjectKey, options: DeleteOptions): Promise<Deleted> {
  const { deps, kind } = scope;
  for (let attempt = 0; attempt < maxWriteAttempts; attempt++) {
    const stored = await deps.store.get(kind.resource, key);
    if (!stored) throw notFound(kind, key.name);
    checkPreconditions(scope, served(kind, stored), options);
    const request = { ...admissionRequest(scope, 'DELETE', undefined, served(kind, stored)), name: key.name };
    await mutateAdmission(deps, request);
    const releases = await validateAdmission(deps, request);
    try {
      const done = await attemptDelete(scope, key, stored, options);
      if (done) return done;
    } catch (error) {
      await releaseAll(deps, releases);
      throw error;
    }
    await releaseAll(deps, releases);
  }
  throw modifiedConflict(kind, key.name);
}

function checkPreconditions({ kind }: WriteScope, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  // kube-apiserver names the kind here where other conflicts name the resource.
  const of = { plural: kind.kind, group: storedGroup(kind) };
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(of, metadata.name ?? '', why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(of, metadata.name ?? '', why);
  }
}

/** Undefined: someone else wrote in between. */
async function attemptDelete(
  scope: WriteScope,
  key: ObjectKey,
  stored: StoredObject,
  options: DeleteOptions,
): Promise<Deleted | undefined> {
  const { deps, kind, dryRun } = scope;
  const { resource } = kind;
  const expected = stored.revision;
  const mark = marked(scope, stored.object, options);
  if (mark === 'pending') return { stored, gone: false };
  const { object } = mark;
  if (!mark.gone) {
    if (sameJson(object, stored.object)) return { stored, gone: false };
    if (dryRun) return { stored: { object, revision: stored.revision }, gone: false };
    const result = await deps.store.commit({ op: 'put', resource, key, object, expected });
    return result.ok ? { stored: { object, revision: result.revision }, gone: false } : undefined;
  }
  if (dryRun) return { stored: { object, revision: stored.revision }, gone: true };
  const result = await deps.store.commit({ op: 'delete', resource, key, object, expected });
  if (!result.ok) return undefined;
  await releaseAllocations(scope, served(kind, stored), undefined);
  return { stored: { object, revision: result.revision }, gone: true };
}
