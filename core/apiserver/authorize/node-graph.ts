// Which objects a node's pods refer to, directly or through their claims. Read from fresh views at each question, so that
// a pod bound a moment ago opens its secrets at once and a pod moved away closes them.
import type { ObjectKey } from '../../api/objects.ts';
import type { PersistentVolume, PersistentVolumeClaim, VolumeAttachment } from '../../api/types.gen.ts';
import type { Lister } from '../lister.ts';
import { podsByNode, referencesOf } from '../pods-by-node.ts';

export type ReferencedResource =
  | 'pods'
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'persistentvolumes'
  | 'resourceclaims'
  | 'volumeattachments'
  | 'serviceaccounts';

export interface NodeGraph {
  refers(node: string, of: ReferencedResource, key: ObjectKey): Promise<boolean>;
}

export function createNodeGraph(lister: Lister): NodeGraph {
  return {
    async refers(node, of, key) {
      if (of === 'volumeattachments') {
        const found = await lister.get('volumeattachments.storage.k8s.io', key);
        return (found?.object as VolumeAttachment | undefined)?.spec?.nodeName === node;
      }
      const pods = await lister.by('pods', podsByNode, node);
      if (of === 'pods')
        return pods.some(({ metadata }) => metadata.namespace === key.namespace && metadata.name === key.name);
      if (of === 'persistentvolumes') return refersToVolume(lister, pods, key.name);
      const inNamespace = pods.filter(({ metadata }) => metadata.namespace === key.namespace).map(referencesOf);
      switch (of) {
        case 'configmaps':
          return inNamespace.some(({ configMaps }) => configMaps.has(key.name));
        case 'persistentvolumeclaims':
          return inNamespace.some(({ claims }) => claims.has(key.name));
        case 'resourceclaims':
          return inNamespace.some(({ resourceClaims }) => resourceClaims.has(key.name));
        case 'serviceaccounts':
          return inNamespace.some(({ serviceAccount }) => serviceAccount === key.name);
        case 'secrets':
          return inNamespace.some(({ secrets }) => secrets.has(key.name)) || refersToVolumeSecret(lister, pods, key);
      }
    },
  };
}

type Pods = Awaited<ReturnType<Lister['by']>>;

/** The volumes that the claims of these pods are bound to. */
async function volumesOf(lister: Lister, pods: Pods): Promise<PersistentVolume[]> {
  const claimed = pods.flatMap((pod) =>
    [...referencesOf(pod).claims].map((name) => ({ namespace: pod.metadata.namespace ?? '', name })),
  );
  if (claimed.length === 0) return [];
  const claims = await lister.view('persistentvolumeclaims');
  const volumes = await lister.view('persistentvolumes');
  return claimed.flatMap((key) => {
    const claim = claims.get(key)?.object as PersistentVolumeClaim | undefined;
    const volume = volumes.get({ namespace: '', name: claim?.spec?.volumeName ?? '' })?.object;
    const ref = (volume as PersistentVolume | undefined)?.spec?.claimRef;
    // Both sides must agree, or a claim could point at any volume.
    return volume && ref?.namespace === key.namespace && ref.name === key.name ? [volume as PersistentVolume] : [];
  });
}

async function refersToVolume(lister: Lister, pods: Pods, name: string): Promise<boolean> {
  return (await volumesOf(lister, pods)).some((volume) => volume.metadata?.name === name);
}

async function refersToVolumeSecret(lister: Lister, pods: Pods, key: ObjectKey): Promise<boolean> {
  const volumes = await volumesOf(lister, pods);
  return volumes.some(({ spec }) => {
    const namespace = spec?.claimRef?.namespace;
    const csi = [
      spec?.csi?.nodePublishSecretRef,
      spec?.csi?.nodeStageSecretRef,
      spec?.csi?.controllerPublishSecretRef,
      spec?.csi?.controllerExpandSecretRef,
      spec?.csi?.nodeExpandSecretRef,
    ];
    const others = [
      spec?.azureFile && { name: spec.azureFile.secretName, namespace: spec.azureFile.secretNamespace },
      spec?.cephfs?.secretRef,
      spec?.cinder?.secretRef,
      spec?.flexVolume?.secretRef,
      spec?.iscsi?.secretRef,
      spec?.rbd?.secretRef,
      spec?.scaleIO?.secretRef,
      spec?.storageos?.secretRef,
    ];
    return [...csi, ...others].some((ref) => ref?.name === key.name && (ref.namespace || namespace) === key.namespace);
  });
}
