// Storage: the default class of a claim, protection of what is in use, and when a claim may grow.
// Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
import { compareQuantities } from '../../api/quantity.ts';
import type { IngressClass, PersistentVolumeClaim, StorageClass } from '../../api/types.gen.ts';
import type { AdmissionPlugin } from '../server.ts';
import { type AdmissionDeps, concerns, refusal } from './request.ts';

const classes = 'storageclasses.storage.k8s.io';
const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const legacyClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

const classNameOf = ({ metadata, spec }: PersistentVolumeClaim): string | undefined =>
  metadata?.annotations?.[legacyClassAnnotation] ?? spec?.storageClassName;

type Classed = Pick<StorageClass | IngressClass, 'metadata'>;

/** The one made last; of equally old ones the first by name. */
export const newest = <T extends Classed>(candidates: readonly T[]): T | undefined =>
  [...candidates].sort((a, b) => {
    const [x, y] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
    if (x !== y) return x < y ? 1 : -1;
    return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
  })[0];

export const defaultStorageClass = ({ lister }: AdmissionDeps): AdmissionPlugin => ({
  name: 'DefaultStorageClass',
  async mutate(request) {
    if (!concerns(request, 'persistentvolumeclaims') || request.operation !== 'CREATE') return;
    const claim = request.object as unknown as PersistentVolumeClaim;
    // An empty name asks for no class at all.
    if (classNameOf(claim) !== undefined && classNameOf(claim) !== null) return;
    const all = (await lister.list(classes)) as unknown as StorageClass[];
    const found = newest(
      all.filter(({ metadata }) => defaultAnnotations.some((key) => metadata?.annotations?.[key] === 'true')),
    );
    if (found?.metadata?.name) claim.spec = { ...claim.spec, storageClassName: found.metadata.name };
  },
});

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
};
const attributesClasses = 'volumeattributesclasses.storage.k8s.io';

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  async mutate(request) {
    if (request.operation !== 'CREATE' || !request.object) return;
    const { metadata } = request.object;
    const add = (finalizer: string): void => {
      if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    };
    for (const [resource, finalizer] of Object.entries(finalizers)) if (concerns(request, resource)) add(finalizer);
    if (concerns(request, attributesClasses)) add('kubernetes.io/vac-protection');
  },
};

export const persistentVolumeClaimResize = ({ store }: AdmissionDeps): AdmissionPlugin => ({
  name: 'PersistentVolumeClaimResize',
  async validate(request) {
    if (!concerns(request, 'persistentvolumeclaims') || request.operation !== 'UPDATE') return undefined;
    const claim = request.object as unknown as PersistentVolumeClaim;
    const old = request.old as unknown as PersistentVolumeClaim;
    const size = ({ spec }: PersistentVolumeClaim): string => String(spec?.resources?.requests?.['storage'] ?? '0');
    if (compareQuantities(size(claim), size(old)) <= 0) return undefined;
    if (old.status?.phase !== 'Bound') throw refusal(request, 'Only bound persistent volume claims can be expanded');
    const name = classNameOf(claim);
    const found = name && name === classNameOf(old) ? await store.get(classes, { namespace: '', name }) : undefined;
    if (!(found?.object as StorageClass | undefined)?.allowVolumeExpansion) {
      const why =
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
      throw refusal(request, why);
    }
    return undefined;
  },
});
