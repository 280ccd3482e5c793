// Patches of an object's metadata that fit only the version they were decided on.
import { type KubeObject, keyOf } from '../api/objects.ts';
import type { ResourceRef } from '../client/client.ts';
import type { Action } from './controller.ts';

/** The uid and revision in a merge patch make it fail on a namesake, and when somebody else wrote in between. */
export function patchMetadata(of: ResourceRef, object: KubeObject, change: Record<string, unknown>): Action {
  const { resourceVersion, uid } = object.metadata;
  const patch = { metadata: { resourceVersion, uid, ...change } };
  return { do: 'patch', of, key: keyOf(object), patch, type: 'merge' };
}

/** To an object that lacks it. */
export const withFinalizer = (of: ResourceRef, object: KubeObject, finalizer: string): Action =>
  patchMetadata(of, object, { finalizers: [...(object.metadata.finalizers ?? []), finalizer] });

/** A merge patch replaces the list as a whole: it holds what others wait for. */
export const withoutFinalizer = (of: ResourceRef, object: KubeObject, finalizer: string): Action =>
  patchMetadata(of, object, { finalizers: (object.metadata.finalizers ?? []).filter((one) => one !== finalizer) });
