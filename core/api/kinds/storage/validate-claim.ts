// Persistent volume claims.
import { copyJson } from '../../json-value.ts';
import { dns1123Label, dns1123Subdomain } from '../../names.ts';
import { canonicalQuantity, compareQuantities, quantitySign } from '../../quantity.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from '../../types.gen.ts';
import { Findings, sameValue } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';
import { unifiedDiff } from '../spec-diff.ts';

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const volumeModes = ['Block', 'Filesystem'];
const betaClass = 'volume.beta.kubernetes.io/storage-class';

export function validateAccessModes(found: Findings, field: string, modes: readonly string[]): void {
  for (const mode of modes) if (!accessModes.includes(mode)) found.unsupported(field, mode, accessModes);
  const others = modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode));
  if (modes.includes('ReadWriteOncePod') && others) {
    found.forbidden(field, 'may not use ReadWriteOncePod with other access modes');
  }
}

export function validateVolumeMode(found: Findings, field: string, mode: string | undefined): void {
  if (mode !== undefined && !volumeModes.includes(mode)) found.unsupported(field, mode, volumeModes);
}

function validateSource(found: Findings, field: string, source: TypedObjectReference | undefined): void {
  if (!source) return;
  if (!source.name) found.required(`${field}.name`);
  if (!source.kind) found.required(`${field}.kind`);
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    found.invalid(field, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (source.apiGroup) found.invalid(`${field}.apiGroup`, source.apiGroup, dns1123Subdomain(source.apiGroup));
  if (source.namespace) found.invalid(`${field}.namespace`, source.namespace, dns1123Label(source.namespace));
}

export function validateClaimSpec(found: Findings, field: string, spec: PersistentVolumeClaimSpec): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) found.required(`${field}.accessModes`, 'at least 1 access mode is required');
  validateLabelSelector(found, `${field}.selector`, spec.selector);
  validateAccessModes(found, `${field}.accessModes`, modes);
  const storage = spec.resources?.requests?.['storage'];
  const at = `${field}.resources[storage]`;
  if (storage === undefined) found.required(at);
  else if (quantitySign(String(storage)) <= 0) {
    found.invalid(at, canonicalQuantity(String(storage)), 'must be greater than zero');
  }
  if (spec.storageClassName)
    found.invalid(`${field}.storageClassName`, spec.storageClassName, dns1123Subdomain(spec.storageClassName));
  validateVolumeMode(found, `${field}.volumeMode`, spec.volumeMode);
  validateSource(found, `${field}.dataSource`, spec.dataSource);
  validateSource(found, `${field}.dataSourceRef`, spec.dataSourceRef);
  if (spec.dataSource && spec.dataSourceRef && !sameValue(spec.dataSource, spec.dataSourceRef)) {
    found.invalid(field, {}, 'must match dataSourceRef');
  }
  const attributes = spec.volumeAttributesClassName;
  if (attributes) found.invalid(`${field}.volumeAttributesClassName`, attributes, dns1123Subdomain(attributes));
}

const sizeOf = (list: Record<string, string | number> | undefined): string => String(list?.['storage'] ?? '0');

/** A claim keeps what it asked for; once bound it may grow, and name another attributes class. */
function validateChange(found: Findings, claim: PersistentVolumeClaim, old: PersistentVolumeClaim): void {
  const spec = claim.spec!;
  const before = old.spec!;
  const next = copyJson(spec);
  if (!before.volumeName) next.volumeName = before.volumeName;
  const annotation = claim.metadata?.annotations?.[betaClass];
  const oldAnnotation = old.metadata?.annotations?.[betaClass];
  if (spec.storageClassName !== undefined && before.storageClassName === undefined) {
    if (oldAnnotation === undefined || spec.storageClassName === oldAnnotation) delete next.storageClassName;
  }
  const moved =
    oldAnnotation !== undefined && before.storageClassName === undefined && spec.storageClassName === oldAnnotation;
  if ((annotation ?? '') !== (oldAnnotation ?? '') && !moved) {
    found.invalid(`metadata.annotations.${betaClass}`, annotation ?? '', 'field is immutable');
  }
  if (claim.status?.phase === 'Bound') {
    const size = before.resources?.requests?.['storage'];
    if (next.resources?.requests && size !== undefined) next.resources.requests['storage'] = size;
    next.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!sameValue(next, before)) {
    const rule =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    found.forbidden('spec', `${rule}\n${unifiedDiff(before, next)}`);
  }
  const size = sizeOf(spec.resources?.requests);
  if (compareQuantities(size, sizeOf(before.resources?.requests)) < 0) {
    if (compareQuantities(size, sizeOf(old.status?.capacity)) <= 0) {
      found.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity');
    }
  }
  found.unchanged('volumeMode', spec.volumeMode, before.volumeMode);
  const attributes = 'spec.volumeAttributesClassName';
  if (
    spec.volumeAttributesClassName !== before.volumeAttributesClassName &&
    old.status?.currentVolumeAttributesClassName
  ) {
    const why = 'is forbidden when status.currentVolumeAttributesClassName is not nil';
    if (spec.volumeAttributesClassName === undefined) found.forbidden(attributes, `update to nil ${why}`);
    else if (!spec.volumeAttributesClassName) found.forbidden(attributes, `update to empty string ${why}`);
  }
}

export function validateClaim(claim: PersistentVolumeClaim) {
  const found = new Findings();
  validateClaimSpec(found, 'spec', claim.spec ?? {});
  return found.errors;
}

export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, subresource: string) {
  const found = new Findings();
  if (subresource === 'status') {
    for (const [name, value] of Object.entries(claim.status?.capacity ?? {})) {
      if (quantitySign(String(value)) < 0)
        found.invalid(`status.capacity[${name}]`, Number(value), 'must be a valid resource quantity');
    }
    return found.errors;
  }
  validateClaimSpec(found, 'spec', claim.spec ?? {});
  if (claim.spec && old.spec) validateChange(found, claim, old);
  return found.errors;
}
