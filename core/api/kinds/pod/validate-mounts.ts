// Mounts of volumes and devices into containers.
import type { Container, EphemeralContainer, Volume, VolumeMount } from '../../types.gen.ts';
import type { Findings } from '../findings.ts';
import { checkDescendingPath } from './paths.ts';

type AnyContainer = Container | EphemeralContainer;

export function validateMounts(
  found: Findings,
  field: string,
  container: AnyContainer,
  volumes: ReadonlyMap<string, Volume>,
): void {
  validateVolumeMounts(found, `${field}.volumeMounts`, container, volumes);
  validateVolumeDevices(found, `${field}.volumeDevices`, container, volumes);
}

function validateVolumeMounts(
  found: Findings,
  field: string,
  container: AnyContainer,
  volumes: ReadonlyMap<string, Volume>,
): void {
  const devices = new Map((container.volumeDevices ?? []).map((device) => [device.name, device.devicePath]));
  const devicePaths = new Set(devices.values());
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${field}[${index}]`;
    if (!mount.name) found.required(`${at}.name`);
    if (!volumes.has(mount.name)) found.notFound(`${at}.name`, mount.name);
    if (!mount.mountPath) found.required(`${at}.mountPath`);
    if (paths.has(mount.mountPath)) found.invalid(`${at}.mountPath`, mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    if (devices.has(mount.name)) {
      found.invalid(`${at}.name`, mount.name, 'must not already exist in volumeDevices');
    }
    if (devicePaths.has(mount.mountPath)) {
      found.invalid(`${at}.mountPath`, mount.mountPath, 'must not already exist as a path in volumeDevices');
    }
    // kube-apiserver leaves the index out of the next four paths.
    if (mount.subPath) checkDescendingPath(found, `${field}.subPath`, mount.subPath);
    if (mount.subPathExpr) {
      if (mount.subPath)
        found.invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
      checkDescendingPath(found, `${field}.subPathExpr`, mount.subPathExpr);
    }
    validatePropagation(found, `${field}.mountPropagation`, mount, container.securityContext?.privileged ?? false);
    validateRecursiveReadOnly(found, `${field}.recursiveReadOnly`, mount);
  }
}

function validatePropagation(
  found: Findings,
  field: string,
  { mountPropagation }: VolumeMount,
  privileged: boolean,
): void {
  if (mountPropagation === undefined) return;
  const supported = ['Bidirectional', 'HostToContainer', 'None'];
  if (!supported.includes(mountPropagation)) found.unsupported(field, mountPropagation, supported);
  if (mountPropagation === 'Bidirectional' && !privileged) {
    found.forbidden(field, 'Bidirectional mount propagation is available only to privileged containers');
  }
}

function validateRecursiveReadOnly(found: Findings, field: string, mount: VolumeMount): void {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return;
  if (mode !== 'Enabled' && mode !== 'IfPossible') {
    found.unsupported(field, mode, ['Disabled', 'Enabled', 'IfPossible']);
    return;
  }
  if (!mount.readOnly) found.forbidden(field, 'may only be specified when readOnly is true');
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    found.forbidden(field, 'may only be specified when mountPropagation is None or not specified');
  }
}

function validateVolumeDevices(
  found: Findings,
  field: string,
  container: AnyContainer,
  volumes: ReadonlyMap<string, Volume>,
): void {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, { name, devicePath }] of (container.volumeDevices ?? []).entries()) {
    const at = `${field}[${index}]`;
    const volume = volumes.get(name);
    if (!name) found.required(`${at}.name`);
    if (names.has(name)) found.invalid(`${at}.name`, name, 'must be unique');
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      found.invalid(
        `${at}.name`,
        name,
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      );
    }
    if (!volume) found.notFound(`${at}.name`, name);
    if (!devicePath) found.required(`${at}.devicePath`);
    if (paths.has(devicePath)) found.invalid(`${at}.devicePath`, devicePath, 'must be unique');
    if (devicePath.split('/').includes('..'))
      found.invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name))
      found.invalid(`${at}.name`, name, 'must not already exist in volumeMounts');
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      found.invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts');
    }
    if (name) names.add(name);
  }
}
