// Volume sources of storage systems: little more than what must be there. Shared by pods and persistent volumes.
import { dns1123Label, dns1123Subdomain, inRange } from '../../names.ts';
import type {
  AzureDiskVolumeSource,
  FCVolumeSource,
  ISCSIPersistentVolumeSource,
  SecretReference,
} from '../../types.gen.ts';
import { byteLength, type Findings } from '../findings.ts';
import { checkDescendingPath } from '../pod/paths.ts';

type Source = Record<string, unknown>;

/** Fields of each source that must not be empty. */
const requiredFields: Record<string, readonly string[]> = {
  gitRepo: ['repository'],
  gcePersistentDisk: ['pdName'],
  awsElasticBlockStore: ['volumeID'],
  nfs: ['server', 'path'],
  glusterfs: ['endpoints', 'path'],
  rbd: ['monitors', 'image'],
  cinder: ['volumeID'],
  cephfs: ['monitors'],
  flexVolume: ['driver'],
  azureFile: ['secretName', 'shareName'],
  vsphereVolume: ['volumePath'],
  photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'],
  scaleIO: ['gateway', 'system', 'volumeName'],
};

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
const maxDriverBytes = 63;
const maxPortalCharacters = 64;

export function checkDriverName(found: Findings, field: string, driver: string | undefined): void {
  if (!driver) {
    found.required(field);
    return;
  }
  if (byteLength(driver) > maxDriverBytes) found.tooLong(field, maxDriverBytes);
  found.invalid(field, driver, dns1123Subdomain(driver.toLowerCase()));
}

/** `name` is the volume's; `type` one of requiredFields, or iscsi, fc, flocker, quobyte, azureDisk, storageos, csi. */
export function validateRareSource(found: Findings, field: string, type: string, volume: object): void {
  const source = (volume as Source)[type] as Source;
  const { name } = volume as { name?: string };
  const at = `${field}.${type === 'gcePersistentDisk' ? 'persistentDisk' : type}`;
  for (const required of requiredFields[type] ?? []) if (isEmpty(source[required])) found.required(`${at}.${required}`);
  if (type === 'nfs' && !String(source['path'] ?? '').startsWith('/')) {
    found.invalid(`${at}.path`, source['path'] ?? '', 'must be an absolute path');
  } else if (type === 'gitRepo') checkDescendingPath(found, `${at}.directory`, String(source['directory'] ?? ''));
  else if (type === 'iscsi') {
    validateIscsi(found, at, source as unknown as ISCSIPersistentVolumeSource);
    if (source['initiatorName'] !== undefined)
      checkPortal(found, `${field}.name`, name ?? '', `${name}:${source['targetPortal']}`);
  } else if (type === 'fc') validateFc(found, at, source as FCVolumeSource);
  else if (type === 'flocker') validateFlocker(found, at, source as { datasetName?: string; datasetUUID?: string });
  else if (type === 'quobyte')
    validateQuobyte(found, at, source as { registry?: string; tenant?: string; volume?: string });
  else if (type === 'azureDisk') validateAzureDisk(found, at, source as unknown as AzureDiskVolumeSource);
  else if (type === 'storageos')
    validateStorageOs(found, at, source as { volumeName?: string; volumeNamespace?: string });
  else if (type === 'flexVolume')
    validateFlexOptions(found, `${at}.options`, (source['options'] ?? {}) as Record<string, string>);
  else if (type === 'csi') {
    checkDriverName(found, `${at}.driver`, source['driver'] as string);
    const secret = source['nodePublishSecretRef'] as SecretReference | undefined;
    if (secret && !secret.name) found.required(`${at}.nodePublishSecretRef.name`);
    else if (secret) found.invalid(`${at}.name`, secret.name, dns1123Subdomain(secret.name!));
  }
  if (['gcePersistentDisk', 'awsElasticBlockStore'].includes(type)) {
    const partition = Number(source['partition'] ?? 0);
    if (partition < 0 || partition > 255) found.invalid(`${at}.partition`, partition, inRange(partition, 1, 255));
  }
  const secret = source['secretRef'] as SecretReference | undefined;
  if (['cinder', 'storageos'].includes(type) && secret && !secret.name) found.required(`${at}.secretRef.name`);
}

export function checkPortal(found: Findings, field: string, value: string, portal: string): void {
  if (portal.length <= maxPortalCharacters) return;
  const why =
    'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
  found.invalid(field, value, why);
}

const iqn = /iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$/;
const initiatorRules = [
  ['iqn', iqn],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
] as const;

/** `starting`: whether the finding names the three forms (it does for volumes of pods). */
function checkInitiator(found: Findings, field: string, name: string, starting: boolean): void {
  const rule = initiatorRules.find(([prefix]) => name.startsWith(prefix));
  if (!rule) found.invalid(field, name, `must be valid format${starting ? ' starting with iqn, eui, or naa' : ''}`);
  else if (!rule[1].test(name)) found.invalid(field, name, 'must be valid format');
}

export function validateIscsi(
  found: Findings,
  field: string,
  iscsi: ISCSIPersistentVolumeSource,
  starting = true,
): void {
  if (!iscsi.targetPortal) found.required(`${field}.targetPortal`);
  if (!iscsi.iqn) found.required(`${field}.iqn`);
  else checkInitiator(found, `${field}.iqn`, iscsi.iqn, starting);
  found.invalid(`${field}.lun`, iscsi.lun ?? 0, inRange(iscsi.lun ?? 0, 0, 255));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef) found.required(`${field}.secretRef`);
  if (iscsi.initiatorName !== undefined) checkInitiator(found, `${field}.initiatorname`, iscsi.initiatorName, starting);
}

function validateFc(found: Findings, field: string, fc: FCVolumeSource): void {
  const names = fc.targetWWNs ?? [];
  const ids = fc.wwids ?? [];
  if (names.length === 0 && ids.length === 0) {
    found.required(`${field}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both');
  }
  if (names.length > 0 && ids.length > 0) {
    found.invalid(`${field}.targetWWNs`, names, 'targetWWNs and wwids can not be specified simultaneously');
  }
  if (names.length === 0) return;
  if (fc.lun === undefined) found.required(`${field}.lun`, 'lun is required if targetWWNs is specified');
  else found.invalid(`${field}.lun`, fc.lun, inRange(fc.lun, 0, 255));
}

function validateFlocker(
  found: Findings,
  field: string,
  { datasetName, datasetUUID }: { datasetName?: string; datasetUUID?: string },
): void {
  if (!datasetName && !datasetUUID) found.required(field, 'one of datasetName and datasetUUID is required');
  if (datasetName && datasetUUID) {
    found.invalid(field, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
  }
  if (datasetName?.includes('/')) found.invalid(`${field}.datasetName`, datasetName, "must not contain '/'");
}

function validateQuobyte(
  found: Findings,
  field: string,
  quobyte: { registry?: string; tenant?: string; volume?: string },
): void {
  const pairs = 'must be a host:port pair or multiple pairs separated by commas';
  if (!quobyte.registry) found.required(`${field}.registry`, pairs);
  else if ((quobyte.tenant ?? '').length > 64) {
    found.required(`${field}.tenant`, 'must be a UUID and may not exceed a length of 64 characters');
  } else {
    for (const pair of quobyte.registry.split(',')) {
      if (!/^(\[[^\]]*\]|[^:]*):[^:]*$/.test(pair)) found.invalid(`${field}.registry`, quobyte.registry, pairs);
    }
  }
  if (!quobyte.volume) found.required(`${field}.volume`);
}

const managedUri = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobUri = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk(found: Findings, field: string, disk: AzureDiskVolumeSource): void {
  if (!disk.diskName) found.required(`${field}.diskName`);
  if (!disk.diskURI) found.required(`${field}.diskURI`);
  const choose = (name: 'cachingMode' | 'kind', values: string[]): void => {
    const value = disk[name];
    if (value !== undefined && !values.includes(value)) found.unsupported(`${field}.${name}`, value, values);
  };
  choose('cachingMode', ['None', 'ReadOnly', 'ReadWrite']);
  choose('kind', ['Dedicated', 'Managed', 'Shared']);
  const uri = disk.diskURI ?? '';
  if (disk.kind === 'Managed' && !uri.startsWith('/subscriptions/'))
    found.unsupported(`${field}.diskURI`, uri, [managedUri]);
  if (disk.kind !== 'Managed' && !uri.startsWith('https://')) found.unsupported(`${field}.diskURI`, uri, [blobUri]);
}

function validateStorageOs(
  found: Findings,
  field: string,
  volume: { volumeName?: string; volumeNamespace?: string },
): void {
  if (!volume.volumeName) found.required(`${field}.volumeName`);
  else found.invalid(`${field}.volumeName`, volume.volumeName, dns1123Label(volume.volumeName));
  if (volume.volumeNamespace)
    found.invalid(`${field}.volumeNamespace`, volume.volumeNamespace, dns1123Label(volume.volumeNamespace));
}

function validateFlexOptions(found: Findings, field: string, options: Record<string, string>): void {
  for (const key of Object.keys(options)) {
    const domain = `.${key.split('/')[0]!.toLowerCase()}`;
    if (domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io')) {
      found.invalid(`${field}[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved');
    }
  }
}
