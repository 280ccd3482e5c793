// DELETE: at once, after a grace period, or when the last finalizer is gone.
// Follows https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
// and https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import { conflict, modifiedConflict, notFound } from '../../api/errors.ts';
import { sameJson } from '../../api/json-value.ts';
import type { KubeObject, ObjectKey } from '../../api/objects.ts';
import type { Namespace } from '../../api/types.gen.ts';
import { timestamp } from '../../ports.ts';
import type { StoredObject } from '../../store/store.ts';
import { admissionRequest, mutateAdmission, releaseAll, validateAdmission } from '../admission.ts';
import { releaseAllocations } from '../allocation.ts';
import type { Call, WriteScope } from '../call.ts';
import { scopeOf } from '../call.ts';
import { type DeleteOptions, readDeleteOptions } from '../delete-options.ts';
import { collectorFinalizers, deletionWarnings, returnsDeletedObject } from '../deletion-policy.ts';
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

interface Marked {
  object: KubeObject;
  /** Nothing holds it: it goes at once. */
  gone: boolean;
}

/** What deletion makes of the object. */
function marked(scope: WriteScope, object: KubeObject, options: DeleteOptions): Marked | 'pending' {
  const nowMs = scope.deps.clock.now();
  if (scope.kind.resource === 'namespaces') return markedNamespace(scope, object, options, timestamp(nowMs));
  const graceful = gracefulMark(scope, object, options, nowMs);
  if (graceful === 'pending') return 'pending';
  const finalizers = collectorFinalizers(scope.kind, object, options);
  const base = graceful ?? object;
  const metadata = { ...base.metadata };
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (graceful) {
    const remaining = metadata.deletionGracePeriodSeconds ?? 0;
    return { object: { ...base, metadata }, gone: finalizers.length === 0 && remaining === 0 };
  }
  if (finalizers.length === 0) return { object, gone: true };
  if (!metadata.deletionTimestamp && metadata.generation) metadata.generation += 1;
  const now = timestamp(nowMs);
  if (!metadata.deletionTimestamp || metadata.deletionTimestamp > now) metadata.deletionTimestamp = now;
  metadata.deletionGracePeriodSeconds = 0;
  return { object: { ...base, metadata }, gone: false };
}

/** A namespace ends when its controller has emptied it and taken its finalizers away. */
function markedNamespace(scope: WriteScope, object: KubeObject, options: DeleteOptions, now: string): Marked {
  const spec = (object as Namespace).spec;
  const finalizers = collectorFinalizers(scope.kind, object, options);
  const gone = !spec?.finalizers?.length && finalizers.length === 0;
  if (object.metadata.deletionTimestamp) return { object, gone };
  const { finalizers: _f, ...metadata } = object.metadata;
  return {
    object: {
      ...object,
      metadata: { ...metadata, ...(finalizers.length > 0 ? { finalizers } : {}), deletionTimestamp: now },
      status: { ...(object as Namespace).status, phase: 'Terminating' },
    },
    gone,
  };
}

/** undefined: this object knows no grace. 'pending': it ends already, and not sooner than asked now. */
function gracefulMark(
  scope: WriteScope,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): KubeObject | 'pending' | undefined {
  const { kind } = scope;
  if (!kind.gracePeriodSeconds) return undefined;
  const { deletionTimestamp, deletionGracePeriodSeconds, generation } = object.metadata;
  // Below zero counts as one second.
  const asked =
    options.gracePeriodSeconds === undefined
      ? undefined
      : options.gracePeriodSeconds < 0
        ? 1
        : options.gracePeriodSeconds;
  if (deletionTimestamp) {
    const before = deletionGracePeriodSeconds ?? 0;
    if (before === 0) return undefined;
    if (asked === undefined || asked >= before) return 'pending';
    const wanted = Date.parse(deletionTimestamp) - before * 1_000 + asked * 1_000;
    const past = wanted < nowMs;
    return {
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp: timestamp(past ? nowMs : wanted),
        deletionGracePeriodSeconds: past && asked !== 0 ? 1 : asked,
      },
    };
  }
  const usual = kind.gracePeriodSeconds(object);
  if (usual === undefined) return undefined;
  const seconds = kind.endsAtOnce?.(object) ? 0 : (asked ?? usual);
  return {
    ...object,
    metadata: {
      ...object.metadata,
      deletionTimestamp: timestamp(nowMs + seconds * 1_000),
      deletionGracePeriodSeconds: seconds,
      ...(generation ? { generation: generation + 1 } : {}),
    },
  };
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
