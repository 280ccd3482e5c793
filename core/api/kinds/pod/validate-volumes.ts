// Volumes of a pod: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
import { dns1123Label, dns1123Subdomain } from '../../names.ts';
import { quantitySign } from '../../quantity.ts';
import type {
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  KeyToPath,
  ObjectMeta,
  PersistentVolumeClaimTemplate,
  Volume,
} from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { validateAnnotations, validateLabels } from '../object-meta.ts';
import { validateClaimSpec } from '../storage/validate-claim.ts';
import { validateRareSource } from '../storage/validate-sources.ts';
import { checkFileMode, checkLocalPath, checkNoBacksteps } from './paths.ts';
import { validateFieldRef, validateResourceFieldRef } from './references.ts';
import { validateProjected } from './validate-projected.ts';

const downwardFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.labels',
  'metadata.annotations',
  'metadata.uid',
];
const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** Where a second source is refused, the path is written so. */
const conflictNames: Record<string, string> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' };

/** In the order in which kube-apiserver looks: the first one found counts. */
export const sourceTypes = [
  ...[
    'emptyDir',
    'hostPath',
    'gitRepo',
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'secret',
    'nfs',
    'iscsi',
    'glusterfs',
  ],
  ...[
    'flocker',
    'persistentVolumeClaim',
    'rbd',
    'cinder',
    'cephfs',
    'quobyte',
    'downwardAPI',
    'fc',
    'flexVolume',
    'configMap',
  ],
  ...[
    'azureFile',
    'vsphereVolume',
    'photonPersistentDisk',
    'portworxVolume',
    'azureDisk',
    'storageos',
    'projected',
    'scaleIO',
  ],
  ...['csi', 'ephemeral', 'image'],
] as (keyof Volume)[];

/** `meta` is the pod's, undefined for templates. Returns the good volumes by name, for mounts to refer to. */
export function validateVolumes(
  found: Findings,
  field: string,
  volumes: readonly Volume[],
  meta: ObjectMeta | undefined,
): Map<string, Volume> {
  const good = new Map<string, Volume>();
  const podName = meta?.name;
  const created = new Set(volumes.filter((v) => podName && v.ephemeral).map((v) => `${podName}-${v.name}`));
  for (const [index, volume] of volumes.entries()) {
    const at = `${field}[${index}]`;
    const before = found.errors.length;
    validateVolumeSource(found, at, volume, meta);
    if (!volume.name) found.required(`${at}.name`);
    else found.invalid(`${at}.name`, volume.name, dns1123Label(volume.name));
    if (good.has(volume.name)) found.duplicate(`${at}.name`, volume.name);
    if (found.errors.length === before) good.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && created.has(claim)) {
      const why = 'must not reference a PVC that gets created for an ephemeral volume';
      found.invalid(`${at}.persistentVolumeClaim.claimName`, claim, why);
    }
  }
  return good;
}

function validateVolumeSource(found: Findings, field: string, volume: Volume, meta: ObjectMeta | undefined): void {
  const [first, ...others] = sourceTypes.filter((type) => volume[type] !== undefined && volume[type] !== null);
  if (!first) {
    found.required(field, 'must specify a volume type');
    return;
  }
  validateSource(found, field, first, volume, meta);
  for (const type of others)
    found.forbidden(`${field}.${conflictNames[type] ?? type}`, 'may not specify more than 1 volume type');
}

function validateSource(
  found: Findings,
  field: string,
  type: keyof Volume,
  volume: Volume,
  meta: ObjectMeta | undefined,
): void {
  const at = `${field}.${type}`;
  const { emptyDir, hostPath, secret, configMap, downwardAPI, persistentVolumeClaim, projected, image } = volume;
  if (type === 'emptyDir') {
    const limit = emptyDir!.sizeLimit;
    if (limit !== undefined && quantitySign(String(limit)) < 0) {
      found.forbidden(`${at}.sizeLimit`, 'SizeLimit field must be a valid resource quantity');
    }
  } else if (type === 'hostPath') validateHostPath(found, at, hostPath!);
  else if (type === 'secret') {
    if (!secret!.secretName) found.required(`${at}.secretName`);
    checkFileMode(found, `${at}.defaultMode`, secret!.defaultMode);
    validateItems(found, `${at}.items`, secret!.items);
  } else if (type === 'configMap') {
    if (!configMap!.name) found.required(`${at}.name`);
    checkFileMode(found, `${at}.defaultMode`, configMap!.defaultMode);
    validateItems(found, `${at}.items`, configMap!.items);
  } else if (type === 'downwardAPI') {
    checkFileMode(found, `${at}.defaultMode`, downwardAPI!.defaultMode);
    for (const file of downwardAPI!.items ?? []) validateDownwardFile(found, at, file);
  } else if (type === 'persistentVolumeClaim') {
    if (!persistentVolumeClaim!.claimName) found.required(`${at}.claimName`);
  } else if (type === 'projected') validateProjected(found, at, projected!);
  else if (type === 'ephemeral') validateEphemeral(found, field, volume, meta);
  else if (type === 'image') {
    if (meta && !image!.reference) found.required(`${at}.reference`);
    found.oneOf(`${at}.pullPolicy`, image!.pullPolicy, ['Always', 'IfNotPresent', 'Never']);
  } else validateRareSource(found, field, type, volume);
}

export function validateHostPath(found: Findings, field: string, hostPath: HostPathVolumeSource): void {
  if (!hostPath.path) {
    found.required(`${field}.path`);
    return;
  }
  checkNoBacksteps(found, `${field}.path`, hostPath.path);
  if (hostPath.type !== undefined && !hostPathTypes.includes(hostPath.type)) {
    found.unsupported(`${field}.type`, hostPath.type, hostPathTypes);
  }
}

export function validateItems(found: Findings, field: string, items: readonly KeyToPath[] | undefined): void {
  for (const [index, item] of (items ?? []).entries()) {
    const at = `${field}[${index}]`;
    if (!item.key) found.required(`${at}.key`);
    if (!item.path) found.required(`${at}.path`);
    checkLocalPath(found, `${at}.path`, item.path ?? '');
    checkFileMode(found, `${at}.mode`, item.mode);
  }
}

/** The path of a file's findings is that of the volume: kube-apiserver leaves the index out. */
export function validateDownwardFile(found: Findings, field: string, file: DownwardAPIVolumeFile): void {
  if (!file.path) found.required(`${field}.path`);
  checkLocalPath(found, `${field}.path`, file.path ?? '');
  if (file.fieldRef) {
    validateFieldRef(found, `${field}.fieldRef`, file.fieldRef, downwardFieldPaths);
    if (file.resourceFieldRef) {
      found.invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
    }
  } else if (file.resourceFieldRef)
    validateResourceFieldRef(found, `${field}.resourceFieldRef`, file.resourceFieldRef, true);
  else found.required(field, 'one of fieldRef and resourceFieldRef is required');
  checkFileMode(found, `${field}.mode`, file.mode);
}

function validateEphemeral(found: Findings, field: string, volume: Volume, meta: ObjectMeta | undefined): void {
  const template = volume.ephemeral!.volumeClaimTemplate;
  const at = `${field}.ephemeral.volumeClaimTemplate`;
  if (!template) found.required(at);
  else validateClaimTemplate(found, at, template);
  if (!meta?.name || !volume.name) return;
  const claim = `${meta.name}-${volume.name}`;
  found.invalid(
    `${field}.name`,
    volume.name,
    dns1123Subdomain(claim).map((why) => `PVC name "${claim}": ${why}`),
  );
}

function validateClaimTemplate(found: Findings, field: string, template: PersistentVolumeClaimTemplate): void {
  const meta: ObjectMeta = template.metadata ?? {};
  validateAnnotations(found, `${field}.metadata.annotations`, meta.annotations);
  validateLabels(found, `${field}.metadata.labels`, meta.labels);
  for (const name of Object.keys(meta) as (keyof ObjectMeta)[]) {
    if (name !== 'annotations' && name !== 'labels' && meta[name] !== undefined) {
      found.forbidden(`${field}.metadata.${name}`, 'cannot be set');
    }
  }
  validateClaimSpec(found, `${field}.spec`, template.spec);
}
