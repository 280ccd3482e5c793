// Persistent volumes.
import { copyJson } from '../../json-value.ts';
import { dns1123Label, dns1123Subdomain } from '../../names.ts';
import { canonicalQuantity, quantitySign, quantityValue } from '../../quantity.ts';
import type { PersistentVolume, PersistentVolumeSpec, SecretReference } from '../../types.gen.ts';
import { Findings, inOrder, sameValue } from '../findings.ts';
import { checkNoBacksteps } from '../pod/paths.ts';
import { validateNodeSelector } from '../pod/validate-scheduling.ts';
import { validateHostPath } from '../pod/validate-volumes.ts';
import { unifiedDiff } from '../spec-diff.ts';
import { validateAccessModes, validateVolumeMode } from './validate-claim.ts';
import { checkDriverName, checkPortal, validateIscsi, validateRareSource } from './validate-sources.ts';

const reclaimPolicies = ['Delete', 'Recycle', 'Retain'];
const sourceTypes = [
  ...[
    'hostPath',
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'glusterfs',
    'flocker',
    'nfs',
    'rbd',
    'quobyte',
    'cephfs',
  ],
  ...['iscsi', 'cinder', 'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume'],
  ...['azureDisk', 'scaleIO', 'local', 'storageos', 'csi'],
] as (keyof PersistentVolumeSpec)[];

function validateSecretRef(found: Findings, field: string, secret: SecretReference | undefined): void {
  if (!secret) return;
  if (!secret.name) found.required(`${field}.name`);
  else found.invalid(`${field}.name`, secret.name, dns1123Subdomain(secret.name));
  if (!secret.namespace) found.required(`${field}.namespace`);
  else found.invalid(`${field}.namespace`, secret.namespace, dns1123Label(secret.namespace));
}

function validateSource(
  found: Findings,
  field: string,
  type: keyof PersistentVolumeSpec,
  spec: PersistentVolumeSpec,
  name: string,
): void {
  const at = `${field}.${type}`;
  if (type === 'hostPath') validateHostPath(found, at, spec.hostPath!);
  else if (type === 'iscsi') {
    const iscsi = spec.iscsi!;
    if (iscsi.initiatorName !== undefined)
      checkPortal(found, `${at}.targetportal`, iscsi.targetPortal, `${name}:${iscsi.targetPortal}`);
    validateIscsi(found, at, iscsi, false);
    if (iscsi.secretRef && !iscsi.secretRef.name) found.required(`${at}.secretRef.name`);
  } else if (type === 'local') {
    if (!spec.local!.path) found.required(`${at}.path`);
    else checkNoBacksteps(found, `${at}.path`, spec.local!.path);
    if (!spec.nodeAffinity?.required) found.required(`${field}.nodeAffinity`, 'Local volume requires node affinity');
  } else if (type === 'csi') {
    const csi = spec.csi!;
    checkDriverName(found, `${at}.driver`, csi.driver);
    if (!csi.volumeHandle) found.required(`${at}.volumeHandle`);
    const names = [
      'controllerPublishSecretRef',
      'controllerExpandSecretRef',
      'nodePublishSecretRef',
      'nodeExpandSecretRef',
    ] as const;
    for (const secret of names) validateSecretRef(found, `${at}.${secret}`, csi[secret]);
  } else validateRareSource(found, field, type, spec);
}

function validateCapacity(found: Findings, field: string, capacity: Record<string, string | number>): void {
  const names = Object.keys(capacity);
  if (names.length === 0) found.required(field);
  if (!names.includes('storage') || names.length > 1)
    found.unsupported(field, names.length === 0 ? null : inOrder(capacity), ['storage']);
  for (const [name, value] of Object.entries(capacity)) {
    const text = canonicalQuantity(String(value));
    const at = `${field}[${name}]`;
    if (quantitySign(text) < 0) found.invalid(at, quantityValue(text), 'must be a valid resource quantity');
    if (quantitySign(text) <= 0) found.invalid(at, text, 'must be greater than zero');
  }
}

/** `inline`: the specification stands in a volume attachment. */
export function validateVolumeSpec(
  found: Findings,
  field: string,
  spec: PersistentVolumeSpec,
  name: string,
  inline: boolean,
): void {
  const here = 'in the context of inline volumes';
  const refuse = (part: 'claimRef' | 'capacity' | 'nodeAffinity' | 'storageClassName'): void => {
    if (inline && spec[part]) found.forbidden(`${field}.${part}`, `may not be specified ${here}`);
  };
  refuse('claimRef');
  refuse('capacity');
  if (inline && !spec.csi) found.required(`${field}.csi`, `has to be specified ${here}`);
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) found.required(`${field}.accessModes`);
  validateAccessModes(found, `${field}.accessModes`, modes);
  if (!inline) validateCapacity(found, `${field}.capacity`, spec.capacity ?? {});
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && inline) {
    if (policy !== 'Retain') found.forbidden(`${field}.persistentVolumeReclaimPolicy`, `may only be Retain ${here}`);
  } else if (policy && !reclaimPolicies.includes(policy)) {
    found.unsupported(`${field}.persistentVolumeReclaimPolicy`, policy, reclaimPolicies);
  }
  refuse('nodeAffinity');
  if (spec.nodeAffinity && !inline) {
    if (spec.nodeAffinity.required)
      validateNodeSelector(found, `${field}.nodeAffinity.required`, spec.nodeAffinity.required);
    else found.required(`${field}.nodeAffinity.required`, 'must specify required node constraints');
  }
  validateOneSource(found, field, spec, name);
  if (/^\/+$/.test(spec.hostPath?.path ?? '') && policy === 'Recycle') {
    found.forbidden(`${field}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'");
  }
  refuse('storageClassName');
  if (spec.storageClassName && !inline) {
    found.invalid(`${field}.storageClassName`, spec.storageClassName, dns1123Subdomain(spec.storageClassName));
  }
  if (!inline) validateVolumeMode(found, `${field}.volumeMode`, spec.volumeMode);
  else if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') {
    found.forbidden(`${field}.volumeMode`, `may not specify volumeMode other than Filesystem ${here}`);
  }
  validateAttributesClass(found, field, spec);
}

function validateOneSource(found: Findings, field: string, spec: PersistentVolumeSpec, name: string): void {
  const [first, ...others] = sourceTypes.filter((type) => spec[type] !== undefined);
  if (!first) found.required(field, 'must specify a volume type');
  else validateSource(found, field, first, spec, name);
  for (const type of others) {
    found.forbidden(`${field}.${type === 'cephfs' ? 'cephFS' : type}`, 'may not specify more than 1 volume type');
  }
}

function validateAttributesClass(found: Findings, field: string, spec: PersistentVolumeSpec): void {
  const name = spec.volumeAttributesClassName;
  if (name === undefined) return;
  const at = `${field}.volumeAttributesClassName`;
  if (!name) found.required(at, 'an empty string is disallowed');
  else found.invalid(at, name, dns1123Subdomain(name));
  if (!spec.csi) found.required(`${field}.csi`, 'has to be specified when using volumeAttributesClassName');
}

export function validateVolume(volume: PersistentVolume) {
  const found = new Findings();
  validateVolumeSpec(found, 'spec', volume.spec ?? {}, volume.metadata?.name ?? '', false);
  return found.errors;
}

const sourceOf = (spec: PersistentVolumeSpec) =>
  Object.fromEntries(sourceTypes.filter((type) => spec[type] !== undefined).map((type) => [type, spec[type]]));

export function validateVolumeUpdate(volume: PersistentVolume, old: PersistentVolume, subresource: string) {
  if (subresource === 'status') return [];
  const found = new Findings();
  found.add(validateVolume(volume));
  const spec = copyJson(volume.spec ?? {});
  const before = old.spec ?? {};
  if (before.csi && !before.csi.controllerExpandSecretRef) delete spec.csi?.controllerExpandSecretRef;
  if (!sameValue(sourceOf(spec), sourceOf(before))) {
    const diff = unifiedDiff(sourceOf(before), sourceOf(spec));
    found.forbidden('spec.persistentvolumesource', `spec.persistentvolumesource is immutable after creation\n${diff}`);
  }
  found.unchanged('volumeMode', spec.volumeMode, before.volumeMode);
  if (before.nodeAffinity) found.unchanged('nodeAffinity', spec.nodeAffinity, before.nodeAffinity);
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    found.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden');
  }
  return found.errors;
}
