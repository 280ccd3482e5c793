// Claims that pods use, and volumes that claims are bound to, are not deleted under them.
// Follows https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
import { type KubeObject, keyOf } from '../api/objects.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../api/types.gen.ts';
import type { ResourceRef } from '../client/client.ts';
import { resources } from '../client/resources.ts';
import type { Action, Controller } from './controller.ts';
import { isDeleting } from './owner.ts';
import { withoutFinalizer } from './patch-metadata.ts';
import type { StoredPod } from './pod-state.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const attributesFinalizer = 'kubernetes.io/vac-protection';

export interface ObservedProtection {
  of: ResourceRef;
  object: KubeObject;
  finalizer: string;
  inUse: boolean;
}

export function decideProtection({ of, object, finalizer, inUse }: ObservedProtection): Action[] {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (!deletionTimestamp || inUse || !finalizers.includes(finalizer)) return [];
  return [withoutFinalizer(of, object, finalizer)];
}

/** Names of the claims that a pod uses; those of ephemeral volumes are named after pod and volume. */
const claimsOf = ({ metadata, spec }: StoredPod): string[] =>
  (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${metadata.name}-${name}`] : [];
  });

/** A pod without a node has mounted nothing. */
const uses = (pod: StoredPod, claim: string): boolean => Boolean(pod.spec?.nodeName) && claimsOf(pod).includes(claim);

export const claimProtectionController: Controller<ObservedProtection> = {
  name: 'claim-protection',
  component: 'persistentvolumeclaim-protection-controller',
  watches: [resources.persistentVolumeClaims, resources.pods],
  keysFor(of, object) {
    if (of === resources.persistentVolumeClaims) return isDeleting(object) ? [keyOf(object)] : [];
    const { namespace = '' } = object.metadata;
    return claimsOf(object as unknown as StoredPod).map((name) => ({ namespace, name }));
  },
  async observe(key, cache, client) {
    const object = cache.get(resources.persistentVolumeClaims, key);
    if (!object || !isDeleting(object) || !object.metadata.finalizers?.includes(claimFinalizer)) return undefined;
    const isUsed = (pods: readonly KubeObject[]): boolean =>
      (pods as unknown as readonly StoredPod[]).some((pod) => uses(pod, key.name));
    // The cache may be behind: that nobody uses it is asked of the API.
    const inUse =
      isUsed(cache.list(resources.pods, key.namespace)) ||
      isUsed((await client.list(resources.pods, { namespace: key.namespace })).items);
    return { of: resources.persistentVolumeClaims, object, finalizer: claimFinalizer, inUse };
  },
  decide: decideProtection,
  resyncMs: 600_000,
};

export const volumeProtectionController: Controller<ObservedProtection> = {
  name: 'volume-protection',
  component: 'persistentvolume-protection-controller',
  watches: [resources.persistentVolumes],
  keysFor: (_of, object) => (isDeleting(object) ? [keyOf(object)] : []),
  observe(key, cache) {
    const object = cache.get(resources.persistentVolumes, key);
    if (!object) return undefined;
    const inUse = (object as PersistentVolume).status?.phase === 'Bound';
    return { of: resources.persistentVolumes, object, finalizer: volumeFinalizer, inUse };
  },
  decide: decideProtection,
  resyncMs: 600_000,
};

const namesClass = (object: KubeObject, name: string): boolean => {
  const { spec, status } = object as PersistentVolumeClaim & PersistentVolume;
  const current = (status as PersistentVolumeClaim['status'])?.currentVolumeAttributesClassName;
  return spec?.volumeAttributesClassName === name || current === name;
};

export const attributesClassProtectionController: Controller<ObservedProtection> = {
  name: 'attributes-class-protection',
  component: 'volumeattributesclass-protection-controller',
  watches: [resources.volumeAttributesClasses, resources.persistentVolumeClaims, resources.persistentVolumes],
  keysFor(of, object, _previous, cache) {
    if (of === resources.volumeAttributesClasses) return isDeleting(object) ? [keyOf(object)] : [];
    // A claim or volume that changed or went may have been the last to name a class that waits.
    return cache.list(resources.volumeAttributesClasses).filter(isDeleting).map(keyOf);
  },
  observe(key, cache) {
    const object = cache.get(resources.volumeAttributesClasses, key);
    if (!object) return undefined;
    const users = [...cache.list(resources.persistentVolumeClaims), ...cache.list(resources.persistentVolumes)];
    const inUse = users.some((user) => namesClass(user, key.name));
    return { of: resources.volumeAttributesClasses, object, finalizer: attributesFinalizer, inUse };
  },
  decide: decideProtection,
  resyncMs: 600_000,
};
