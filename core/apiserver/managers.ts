// Who wrote which fields: metadata.managedFields, kept for update managers.
// Follows https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management

import { sameJson } from '../api/json-value.ts';
import { trackUpdate } from '../api/managed-fields.ts';
import type { KubeObject } from '../api/objects.ts';
import { timestamp } from '../ports.ts';
import type { WriteScope } from './call.ts';
import { apiVersionOf } from './serialize.ts';

/** Kinds of which kube-apiserver records no managers: their strategies put back all that a client may send. */
const untracked = new Set(['certificatesigningrequests.certificates.k8s.io']);

/** `before`: undefined for a new object. Sets the managed fields of `object`. */
export function trackManagedFields(scope: WriteScope, before: KubeObject | undefined, object: KubeObject): void {
  if (untracked.has(scope.kind.resource)) {
    delete object.metadata.managedFields;
    return;
  }
  trackUpdate(scope.kind.schema, before, object, {
    manager: scope.fieldManager,
    apiVersion: apiVersionOf(scope.kind),
    time: timestamp(scope.deps.clock.now()),
    subresource: scope.subresource,
  });
}

/** A write that changes nothing but the time of its own managed fields changes nothing: it keeps the old entries. */
export function keepManagedFieldTimes(object: KubeObject, old: KubeObject): void {
  const entries = object.metadata.managedFields;
  const before = old.metadata.managedFields;
  if (!entries || !before || entries.length !== before.length) return;
  const same = entries.every((entry, index) => sameJson({ ...entry, time: '' }, { ...before[index], time: '' }));
  if (!same || sameJson(entries, before)) return;
  const { managedFields: _a, ...metadata } = object.metadata;
  const { managedFields: _b, ...oldMetadata } = old.metadata;
  if (sameJson({ ...object, metadata }, { ...old, metadata: oldMetadata })) object.metadata.managedFields = before;
}
