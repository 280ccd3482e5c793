// Persistent volumes and claims: https://kubernetes.io/docs/concepts/storage/persistent-volumes/
import { timestamp } from '../../../ports.ts';
import { canonicalQuantity } from '../../quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../types.gen.ts';
import type { Rules } from '../build.ts';
import { ageColumn, nameColumn, text, wide } from '../columns.ts';
import { roundResources } from '../pod/defaults.ts';
import { fractionWarning, selectorTermWarnings } from '../pod/warnings.ts';
import { validateClaim, validateClaimUpdate } from './validate-claim.ts';
import { validateVolume, validateVolumeUpdate } from './validate-volume.ts';

const betaClass = 'volume.beta.kubernetes.io/storage-class';
const shortModes = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;

const accessModes = (modes: readonly string[] | undefined): string =>
  shortModes
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');

const storageOf = (list: Record<string, string | number> | undefined): string =>
  canonicalQuantity(String(list?.['storage'] ?? '0'));

function* volumeWarnings({ metadata, spec }: PersistentVolume): Generator<string> {
  const deprecated = [
    ['volume.beta.kubernetes.io/storage-class', 'v1.8; use "storageClassName" attribute instead'],
    ['volume.beta.kubernetes.io/mount-options', 'v1.31; use "mountOptions" attribute instead'],
  ] as const;
  for (const [name, since] of deprecated) {
    if (metadata?.annotations?.[name] !== undefined) yield `metadata.annotations[${name}]: deprecated since ${since}`;
  }
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle') {
    const advice = 'Instead, the recommended approach is to use dynamic provisioning.';
    yield `spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. ${advice}`;
  }
  for (const [i, term] of (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries()) {
    yield* selectorTermWarnings(`spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, term);
  }
}

export const persistentVolumeRules: Rules<PersistentVolume> = {
  columns: [
    nameColumn,
    text('Capacity', (pv) => storageOf(pv.spec?.capacity)),
    text('Access Modes', (pv) => accessModes(pv.spec?.accessModes)),
    text('Reclaim Policy', (pv) => pv.spec?.persistentVolumeReclaimPolicy ?? ''),
    text('Status', (pv) => (pv.metadata?.deletionTimestamp ? 'Terminating' : (pv.status?.phase ?? ''))),
    text('Claim', ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '')),
    text('StorageClass', (pv) => pv.metadata?.annotations?.[betaClass] ?? pv.spec?.storageClassName ?? ''),
    text('VolumeAttributesClass', (pv) => pv.spec?.volumeAttributesClassName ?? '<unset>'),
    text('Reason', (pv) => pv.status?.reason ?? ''),
    ageColumn,
    wide('VolumeMode', (pv) => pv.spec?.volumeMode ?? '<unset>'),
  ],
  newStatus: () => ({ phase: 'Pending' }),
  setDefaults(pv) {
    pv.status ??= {};
    pv.status.phase ||= 'Pending';
    if (!pv.spec) return;
    pv.spec.persistentVolumeReclaimPolicy ||= 'Retain';
    pv.spec.volumeMode ??= 'Filesystem';
    const { hostPath, iscsi, rbd, azureDisk, scaleIO } = pv.spec;
    if (hostPath) hostPath.type ??= '';
    if (iscsi) iscsi.iscsiInterface ||= 'default';
    if (rbd)
      Object.assign(rbd, {
        pool: rbd.pool || 'rbd',
        user: rbd.user || 'admin',
        keyring: rbd.keyring || '/etc/ceph/keyring',
      });
    if (azureDisk) {
      azureDisk.cachingMode ??= 'ReadWrite';
      azureDisk.fsType ??= 'ext4';
      azureDisk.readOnly ??= false;
      azureDisk.kind ??= 'Shared';
    }
    if (scaleIO)
      Object.assign(scaleIO, {
        storageMode: scaleIO.storageMode || 'ThinProvisioned',
        fsType: scaleIO.fsType || 'xfs',
      });
    roundResources(pv.spec.capacity);
  },
  warnings: (pv) => [...volumeWarnings(pv)],
  validate: validateVolume,
  validateUpdate: validateVolumeUpdate,
  prepareForCreate(pv, context) {
    pv.status!.lastPhaseTransitionTime = timestamp(context.nowMs);
  },
  prepareForUpdate(pv, old, context, subresource) {
    if (subresource !== 'status' || !pv.status) return;
    const before = old.status?.lastPhaseTransitionTime;
    if (pv.status.phase === old.status?.phase) pv.status.lastPhaseTransitionTime ??= before;
    else if (!pv.status.lastPhaseTransitionTime || pv.status.lastPhaseTransitionTime === before) {
      pv.status.lastPhaseTransitionTime = timestamp(context.nowMs);
    }
  },
};

/** dataSource and dataSourceRef say the same unless another namespace is named. */
function normalizeSources(spec: PersistentVolumeClaimSpec | undefined, kept: boolean): void {
  if (!spec) return;
  const source = spec.dataSource;
  const known =
    (source?.kind === 'PersistentVolumeClaim' && !source.apiGroup) ||
    (source?.kind === 'VolumeSnapshot' && source.apiGroup === 'snapshot.storage.k8s.io');
  if (source && !known && !spec.dataSourceRef && !kept) delete spec.dataSource;
  // A namespace in the reference is an alpha feature and drops the reference.
  if (spec.dataSourceRef?.namespace && !kept) delete spec.dataSourceRef;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _, ...reference } = spec.dataSourceRef;
    spec.dataSource = reference;
  }
}

export const persistentVolumeClaimRules: Rules<PersistentVolumeClaim> = {
  columns: [
    nameColumn,
    text('Status', (pvc) => (pvc.metadata?.deletionTimestamp ? 'Terminating' : (pvc.status?.phase ?? ''))),
    text('Volume', (pvc) => pvc.spec?.volumeName ?? ''),
    text('Capacity', (pvc) => (pvc.spec?.volumeName ? storageOf(pvc.status?.capacity) : '')),
    text('Access Modes', (pvc) => (pvc.spec?.volumeName ? accessModes(pvc.status?.accessModes) : '')),
    text('StorageClass', (pvc) => pvc.metadata?.annotations?.[betaClass] ?? pvc.spec?.storageClassName ?? ''),
    text('VolumeAttributesClass', (pvc) => pvc.spec?.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    wide('VolumeMode', (pvc) => pvc.spec?.volumeMode ?? '<unset>'),
  ],
  newStatus: () => ({ phase: 'Pending' }),
  setDefaults(pvc) {
    pvc.status ??= {};
    pvc.status.phase ||= 'Pending';
    if (!pvc.spec) return;
    pvc.spec.volumeMode ??= 'Filesystem';
    roundResources(pvc.spec.resources?.requests);
    roundResources(pvc.spec.resources?.limits);
    roundResources(pvc.status.capacity);
  },
  warnings: ({ spec }) =>
    (['requests', 'limits'] as const).flatMap((list) =>
      fractionWarning(`spec.resources.${list}`, 'storage', spec?.resources?.[list]?.['storage']),
    ),
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  prepareForCreate: (pvc) => normalizeSources(pvc.spec, false),
  prepareForUpdate(pvc, old, _context, subresource) {
    if (subresource === '')
      normalizeSources(pvc.spec, old.spec?.dataSource !== undefined || old.spec?.dataSourceRef !== undefined);
  },
};
