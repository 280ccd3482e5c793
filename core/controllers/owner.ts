// Controller owner references: making, adopting and releasing.
// Follows https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
import type { KubeObject } from '../api/objects.ts';
import { controllerOf } from '../api/owners.ts';
import { labelSelectorMatches } from '../api/selectors.ts';
import type { LabelSelector, ObjectMeta, OwnerReference } from '../api/types.gen.ts';
import type { ResourceRef } from '../client/client.ts';
import type { Action } from './controller.ts';

interface HasMeta {
  metadata?: ObjectMeta;
}

/** What generated types lack: the index signature of KubeObject. */
export const asObject = <T extends { apiVersion: string; kind: string; metadata: ObjectMeta }>(object: T): KubeObject =>
  object as unknown as KubeObject;

export const isDeleting = (object: HasMeta): boolean => object.metadata?.deletionTimestamp !== undefined;

export function controllerReference(owner: { apiVersion: string; kind: string; metadata: ObjectMeta }): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claim<T> {
  claimed: T[];
  /** Patches that adopt and release; they go before everything else. */
  actions: Action[];
}

/**
 * Which of `candidates` (owned, or with no controller) the owner has: those owned that match its selector, and those free that
 * match, which it adopts, and holds by `finalizers`. Owned ones that no longer match are released. The uid in each patch makes it
 * fail on a namesake.
 */
export function claim<T extends { apiVersion: string; kind: string; metadata: ObjectMeta }>(
  owner: { apiVersion: string; kind: string; metadata: ObjectMeta },
  selector: LabelSelector | undefined,
  candidates: readonly T[],
  of: ResourceRef,
  finalizers: readonly string[] = [],
): Claim<T> {
  const claimed: T[] = [];
  const actions: Action[] = [];
  const patchOwner = (object: T, owned: { ownerReferences: unknown[]; finalizers?: readonly string[] }): void => {
    const { namespace = '', name = '', uid } = object.metadata;
    const patch = { metadata: { ...owned, uid } };
    actions.push({ do: 'patch', of, key: { namespace, name }, patch, type: 'strategic' });
  };
  for (const object of candidates) {
    const controller = controllerOf(object);
    const matches = labelSelectorMatches(selector, object.metadata.labels);
    if (controller && controller.uid !== owner.metadata.uid) continue;
    if (controller && matches) claimed.push(object);
    else if (isDeleting(owner)) continue;
    else if (controller) patchOwner(object, { ownerReferences: [{ $patch: 'delete', uid: controller.uid }] });
    else if (matches && !isDeleting(object)) {
      const held = finalizers.length > 0 ? { finalizers } : {};
      patchOwner(object, { ownerReferences: [controllerReference(owner)], ...held });
      claimed.push(object);
    }
  }
  return { claimed, actions };
}
