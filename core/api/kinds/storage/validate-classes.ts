// Classes, drivers and attachments of storage.k8s.io.
import type { FieldError } from '../../errors.ts';
import { dns1123Subdomain, qualifiedName } from '../../names.ts';
import { canonicalQuantity, quantitySign } from '../../quantity.ts';
import type {
  CSIDriver,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  StorageClass,
  TopologySelectorTerm,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../types.gen.ts';
import { byteLength, Findings, immutable, sameValue } from '../findings.ts';
import { validateLabelSelector } from '../label-selector.ts';
import { checkDriverName } from './validate-sources.ts';
import { validateVolumeSpec } from './validate-volume.ts';

const maxParameterBytes = 256 * 1024;
const maxParameters = 512;
const maxNodeIdBytes = 256;
const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;
const minUpdateSeconds = 10;

function checkProvisioner(found: Findings, field: string, name: string): void {
  if (!name) found.required(field);
  else found.invalid(field, name, qualifiedName(name.toLowerCase()));
}

function checkParameters(found: Findings, parameters: Record<string, string>, mayBeEmpty: boolean): void {
  const entries = Object.entries(parameters);
  if (entries.length > maxParameters) {
    found.tooLong('parameters', maxParameters);
    return;
  }
  for (const [key] of entries) if (!key) found.invalid('parameters', key, 'field can not be empty.');
  const bytes = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (bytes > maxParameterBytes) found.tooLong('parameters', maxParameterBytes);
  if (!mayBeEmpty && entries.length === 0) found.required('parameters', 'must contain at least one key/value pair');
}

function checkTopologies(found: Findings, topologies: readonly TopologySelectorTerm[]): void {
  for (const [i, term] of topologies.entries()) {
    const keys = new Set<string>();
    for (const [j, { key, values = [] }] of (term.matchLabelExpressions ?? []).entries()) {
      const at = `allowedTopologies[${i}].matchLabelExpressions[${j}]`;
      if (values.length === 0) found.required(`${at}.values`);
      for (const [k, value] of values.entries())
        if (values.indexOf(value) < k) found.duplicate(`${at}.values[${k}]`, value);
      found.invalid(`${at}.key`, key, qualifiedName(key));
      if (keys.has(key)) found.duplicate(`${at}.key`, key);
      keys.add(key);
    }
    if (topologies.slice(0, i).some((other) => sameValue(other, term))) {
      found.duplicate(`allowedTopologies[${i}].matchLabelExpressions`, '');
    }
  }
}

export function validateStorageClass(sc: StorageClass): FieldError[] {
  const found = new Findings();
  checkProvisioner(found, 'provisioner', sc.provisioner ?? '');
  checkParameters(found, sc.parameters ?? {}, true);
  if (sc.reclaimPolicy && !['Delete', 'Retain'].includes(sc.reclaimPolicy)) {
    found.unsupported('reclaimPolicy', sc.reclaimPolicy, ['Delete', 'Retain']);
  }
  found.oneOf('volumeBindingMode', sc.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']);
  checkTopologies(found, sc.allowedTopologies ?? []);
  return found.errors;
}

export function validateStorageClassUpdate(sc: StorageClass, old: StorageClass): FieldError[] {
  const found = new Findings();
  const fixed = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const;
  for (const name of fixed) found.unchanged(name, sc[name], old[name]);
  return found.errors;
}

export function validateAttributesClass(vac: VolumeAttributesClass): FieldError[] {
  const found = new Findings();
  checkProvisioner(found, 'driverName', vac.driverName ?? '');
  checkParameters(found, vac.parameters ?? {}, false);
  return found.errors;
}

export function validateAttributesClassUpdate(vac: VolumeAttributesClass, old: VolumeAttributesClass): FieldError[] {
  const found = new Findings();
  if (vac.driverName !== old.driverName) found.forbidden('driverName', 'updates to driverName are forbidden.');
  if (!sameValue(vac.parameters, old.parameters)) found.forbidden('parameters', 'updates to parameters are forbidden.');
  found.add(validateAttributesClass(vac));
  return found.errors;
}

export function validateCsiDriver({ spec }: CSIDriver): FieldError[] {
  const found = new Findings();
  const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
  if (spec.fsGroupPolicy !== undefined && !policies.includes(spec.fsGroupPolicy)) {
    found.unsupported('spec.fsGroupPolicy', spec.fsGroupPolicy, policies);
  }
  const requests = spec.tokenRequests ?? [];
  for (const [i, { audience, expirationSeconds: seconds }] of requests.entries()) {
    const at = `spec.tokenRequests[${i}]`;
    if (requests.slice(0, i).some((other) => other.audience === audience)) {
      found.duplicate(`${at}.audience`, audience);
      continue;
    }
    if (seconds === undefined) continue;
    const field = `${at}.expirationSeconds`;
    if (seconds < minTokenSeconds) found.invalid(field, seconds, 'may not specify a duration less than 10 minutes');
    if (seconds > maxTokenSeconds) found.invalid(field, seconds, 'may not specify a duration larger than 2^32 seconds');
  }
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (mode !== 'Persistent' && mode !== 'Ephemeral') {
      found.unsupported('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']);
    }
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < minUpdateSeconds) {
    found.invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds');
  }
  if (spec.serviceAccountTokenInSecrets !== undefined && requests.length === 0) {
    const why = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    found.invalid('spec.serviceAccountTokenInSecrets', spec.serviceAccountTokenInSecrets, why);
  }
  return found.errors;
}

export function validateCsiDriverUpdate(driver: CSIDriver, old: CSIDriver): FieldError[] {
  const found = new Findings();
  found.add(validateCsiDriver(driver));
  found.unchanged('spec.attachedRequired', driver.spec.attachRequired, old.spec.attachRequired);
  found.unchanged('spec.volumeLifecycleModes', driver.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes);
  return found.errors;
}

function validateNodeDriver(found: Findings, field: string, driver: CSINodeDriver): void {
  checkDriverName(found, `${field}.name`, driver.name);
  if (!driver.nodeID) found.required(`${field}.nodeID`);
  if (byteLength(driver.nodeID ?? '') > maxNodeIdBytes) {
    found.invalid(`${field}.nodeID`, driver.nodeID, `must be ${maxNodeIdBytes} characters or less`);
  }
  found.nonNegative(`${field}.allocatable.count`, driver.allocatable?.count);
  const keys = driver.topologyKeys ?? [];
  for (const [i, key] of keys.entries()) {
    if (!key) found.required(field);
    if (keys.indexOf(key) < i) found.duplicate(field, key);
    found.invalid(field, key, qualifiedName(key));
  }
}

export function validateCsiNode({ spec }: CSINode): FieldError[] {
  const found = new Findings();
  const names = new Set<string>();
  for (const [i, driver] of (spec?.drivers ?? []).entries()) {
    validateNodeDriver(found, `spec.drivers[${i}]`, driver);
    if (names.has(driver.name)) found.duplicate(`spec.drivers[${i}].name`, driver.name);
    names.add(driver.name);
  }
  return found.errors;
}

export function validateCsiNodeUpdate(node: CSINode, old: CSINode): FieldError[] {
  const found = new Findings();
  found.add(validateCsiNode(node));
  const plain = ({ allocatable: _, ...driver }: CSINodeDriver) => driver;
  for (const before of old.spec?.drivers ?? []) {
    const driver = node.spec?.drivers?.find((other) => other.name === before.name);
    if (driver) found.unchanged('spec.drivers', plain(driver), plain(before));
  }
  return found.errors;
}

export function validateStorageCapacity(capacity: CSIStorageCapacity): FieldError[] {
  const found = new Findings();
  validateLabelSelector(found, 'nodeTopology', capacity.nodeTopology);
  const name = capacity.storageClassName ?? '';
  found.invalid('storageClassName', name, dns1123Subdomain(name));
  if (capacity.capacity !== undefined && quantitySign(String(capacity.capacity)) < 0) {
    found.invalid('capacity', canonicalQuantity(String(capacity.capacity)), 'must be greater than or equal to 0');
  }
  return found.errors;
}

export function validateStorageCapacityUpdate(capacity: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  const found = new Findings();
  if (!sameValue(capacity.nodeTopology, old.nodeTopology))
    found.invalid('nodeTopology', capacity.nodeTopology ?? null, immutable);
  if (capacity.storageClassName !== old.storageClassName)
    found.invalid('storageClassName', capacity.storageClassName, immutable);
  return found.errors;
}

export function validateAttachment({ spec }: VolumeAttachment): FieldError[] {
  const found = new Findings();
  checkDriverName(found, 'spec.attacher', spec.attacher);
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = spec.source ?? {};
  const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inline && name === undefined) found.required('spec.source', exactlyOne);
  else if (inline && name !== undefined) found.forbidden('spec.source', exactlyOne);
  else if (name === '')
    found.required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName');
  else if (inline) validateVolumeSpec(found, 'spec.source.inlineVolumeSpec', inline, '', true);
  found.invalid('spec.nodeName', spec.nodeName ?? '', dns1123Subdomain(spec.nodeName ?? ''));
  if (name !== undefined) found.invalid('spec.source.persistentVolumeName', name, dns1123Subdomain(name));
  return found.errors;
}

export function validateAttachmentUpdate(attachment: VolumeAttachment, old: VolumeAttachment): FieldError[] {
  const found = new Findings();
  found.add(validateAttachment(attachment));
  found.unchanged('spec', attachment.spec, old.spec);
  return found.errors;
}
