// Owner references: who controls an object.
// Follows https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
import type { ObjectMeta, OwnerReference } from './types.gen.ts';

export const controllerOf = (object: { metadata?: ObjectMeta }): OwnerReference | undefined =>
  object.metadata?.ownerReferences?.find((owner) => owner.controller);

/** Whether a reference names an object of this group and kind, whatever the version. */
export const refersTo = (reference: OwnerReference, group: string, kind: string): boolean =>
  reference.kind === kind && (reference.apiVersion.split('/').at(-2) ?? '') === group;
