// The parts of metadata that the server itself sets, on every kind alike.
import { badRequest } from '../api/errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { OwnerReference } from '../api/types.gen.ts';

/** What a client may not choose on create. */
export function wipeSystemFields(object: KubeObject): void {
  const {
    creationTimestamp: _c,
    uid: _u,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _g,
    selfLink: _s,
    ...rest
  } = object.metadata;
  object.metadata = rest;
}

/** '' for a cluster-scoped kind. Throws BadRequest when the object names another namespace than the path. */
export function matchNamespace(object: KubeObject, namespace: string): void {
  const named = object.metadata.namespace ?? '';
  if (named === namespace) {
    if (named === '' && 'namespace' in object.metadata) delete object.metadata.namespace;
    return;
  }
  if (namespace === '') delete object.metadata.namespace;
  else if (named === '') object.metadata.namespace = namespace;
  else throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** The object of a PUT or PATCH must be the one that the path names. Throws BadRequest. */
export function matchName(object: KubeObject, name: string, namespace: string): void {
  const named = object.metadata.name ?? '';
  if (named === '')
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (named !== name)
    throw badRequest(`the name of the object (${named}) does not match the name on the URL (${name})`);
  const inNamespace = object.metadata.namespace ?? '';
  if (namespace && inNamespace && inNamespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** When it was admission, or a patch, that made them the same. */
export const afterAdmission = ' after mutating admission happens';

/** Drops owner references that say the same twice. `when` goes into the warning. */
export function dedupeOwners(object: KubeObject, warnings: string[], when = ''): void {
  const references = object.metadata.ownerReferences;
  if (!references || references.length < 2) return;
  const kept: OwnerReference[] = [];
  const twice: string[] = [];
  const seen = new Set<string>();
  for (const reference of references) {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = reference;
    const said = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion]);
    if (seen.has(said)) twice.push(uid);
    else kept.push(reference);
    seen.add(said);
  }
  if (twice.length === 0) return;
  object.metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${twice.join(', ')}`,
  );
}

/** On update: what stands stays, whatever the client sent. The uid may be left out; another uid is refused elsewhere. */
export function keepSystemFields(object: KubeObject, old: KubeObject): void {
  const meta = object.metadata;
  const before = old.metadata;
  if (!meta.uid && before.uid) meta.uid = before.uid;
  if (before.creationTimestamp) meta.creationTimestamp = before.creationTimestamp;
  if (before.deletionTimestamp) meta.deletionTimestamp = before.deletionTimestamp;
  if (before.deletionGracePeriodSeconds !== undefined && meta.deletionGracePeriodSeconds === undefined) {
    meta.deletionGracePeriodSeconds = before.deletionGracePeriodSeconds;
  }
  delete meta.selfLink;
}

/** The object without its resource version, as the store wants it. */
export function withoutRevision(object: KubeObject): KubeObject {
  const { resourceVersion: _r, ...metadata } = object.metadata;
  return { ...object, metadata };
}
