// Claims must be bound before their pod is placed, and to volumes that the node can reach. Nothing here binds them.
// Follows https://kubernetes.io/docs/concepts/storage/persistent-volumes/#node-affinity
import { nodeSelectorMatches } from '../../api/node-selector.ts';
import type { PersistentVolume } from '../../api/types.gen.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import type { DynamicFilter } from './filter.ts';

const conflict = ["node(s) didn't match PersistentVolume's node affinity"];
const missingVolume = ['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'];

/** Names of the claims that a pod uses; those of ephemeral volumes are named after pod and volume. */
const claimNames = ({ pod: { metadata, spec } }: PodInfo): string[] =>
  (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${metadata.name}-${name}`] : [];
  });

const isBound = (claim: {
  spec?: { volumeName?: string };
  metadata?: { annotations?: Record<string, string> };
}): boolean =>
  Boolean(claim.spec?.volumeName) && claim.metadata?.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined;

export const volumeBinding: DynamicFilter = {
  name: 'VolumeBinding',
  refuseAll(info, snapshot) {
    const { namespace = '' } = info.pod.metadata;
    for (const name of claimNames(info)) {
      const claim = snapshot.claim(namespace, name);
      if (!claim) return `persistentvolumeclaim "${name}" not found`;
      if (claim.metadata?.deletionTimestamp) return `persistentvolumeclaim "${name}" is being deleted`;
      if (!isBound(claim)) return 'pod has unbound immediate PersistentVolumeClaims';
    }
    return undefined;
  },
  prepare(info, snapshot) {
    const names = claimNames(info);
    if (names.length === 0) return undefined;
    const volumes = volumesOf(info, names, snapshot);
    if (volumes.includes(undefined)) return () => missingVolume;
    const selectors = volumes.flatMap((volume) => volume?.spec?.nodeAffinity?.required ?? []);
    if (selectors.length === 0) return undefined;
    return ({ node }) => (selectors.every((selector) => nodeSelectorMatches(selector, node)) ? undefined : conflict);
  },
  isHelpedBy: (event) =>
    event.what === 'storage-changed' || event.what === 'node-added' || (event.what === 'node-updated' && event.labels),
};

const volumesOf = ({ pod }: PodInfo, names: readonly string[], snapshot: Snapshot): (PersistentVolume | undefined)[] =>
  names.map((name) => snapshot.volume(snapshot.claim(pod.metadata.namespace ?? '', name)?.spec?.volumeName ?? ''));
