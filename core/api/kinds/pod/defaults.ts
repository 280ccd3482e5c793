// Defaults of pods and pod templates that the schema does not carry.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
import { formatQuantity, parseQuantity, quantityFromMilli, quantityMilliValue } from '../../quantity.ts';
import type {
  Container,
  EphemeralContainer,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from '../../types.gen.ts';
import { defaultPodLevelResources } from './pod-resources.ts';

const defaultMode = 0o644;
const tokenLifetimeSeconds = 3600;

type Resources = Record<string, string | number> | undefined;

/** Resources have a precision of a thousandth: what is finer is rounded up. */
export function roundResources(list: Resources): void {
  for (const [name, value] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(String(value));
    if (quantity.scale < -3) {
      list![name] = formatQuantity(quantityFromMilli(quantityMilliValue(quantity), quantity.format));
    }
  }
}

/** Always for the tag "latest" (or none), IfNotPresent for any other and for what cannot be parsed. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const reference =
    /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9._/-]+(?::([\w][\w.-]{0,127}))?(@\w+:[0-9a-fA-F]{32,})?$/.exec(image);
  if (!reference) return 'IfNotPresent';
  const [, tag, digest] = reference;
  return tag === 'latest' || (!tag && !digest) ? 'Always' : 'IfNotPresent';
}

function defaultProbe(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHandler(probe);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHandler(handler: LifecycleHandler | undefined): void {
  if (!handler?.httpGet) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
}

function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
  roundResources(container.resources?.limits);
  roundResources(container.resources?.requests);
  // Not served in 1.36: the feature is off.
  if (container.lifecycle) delete container.lifecycle.stopSignal;
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

function defaultVolume(volume: Volume): void {
  if (Object.entries(volume).every(([field, value]) => field === 'name' || value === undefined || value === null)) {
    volume.emptyDir = {};
  }
  const { secret, configMap, downwardAPI, projected, hostPath, image, ephemeral, iscsi, rbd, azureDisk, scaleIO } =
    volume;
  if (secret) secret.defaultMode ??= defaultMode;
  if (configMap) configMap.defaultMode ??= defaultMode;
  if (downwardAPI) downwardAPI.defaultMode ??= defaultMode;
  if (projected) projected.defaultMode ??= defaultMode;
  if (hostPath) hostPath.type ??= '';
  if (image) image.pullPolicy ||= defaultPullPolicy(image.reference ?? '');
  if (ephemeral?.volumeClaimTemplate) ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem';
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (rbd)
    Object.assign(rbd, {
      pool: rbd.pool || 'rbd',
      user: rbd.user || 'admin',
      keyring: rbd.keyring || '/etc/ceph/keyring',
    });
  if (azureDisk)
    Object.assign(azureDisk, { cachingMode: azureDisk.cachingMode ?? 'ReadWrite', fsType: azureDisk.fsType ?? 'ext4' });
  if (azureDisk) Object.assign(azureDisk, { readOnly: azureDisk.readOnly ?? false, kind: azureDisk.kind ?? 'Shared' });
  if (scaleIO)
    Object.assign(scaleIO, { storageMode: scaleIO.storageMode || 'ThinProvisioned', fsType: scaleIO.fsType || 'xfs' });
  for (const item of downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
  for (const source of projected?.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= tokenLifetimeSeconds;
    for (const item of source.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
  }
}

export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The old name of the field is kept as an alias; the new one wins.
  spec.serviceAccountName ||= spec.serviceAccount;
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName;
  else {
    delete spec.serviceAccountName;
    delete spec.serviceAccount;
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) container.resources ??= {};
  roundResources(spec.overhead);
  roundResources(spec.resources?.limits);
  roundResources(spec.resources?.requests);
}

export function defaultTemplate(template: PodTemplateSpec | undefined): void {
  if (!template) return;
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

/** Only a pod, not a template, takes requests from limits, host ports from ports, and says that it wants service links. */
export function defaultPod(pod: Pod): void {
  pod.spec ??= { containers: [] };
  const spec = pod.spec;
  for (const { resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    if (!resources?.limits) continue;
    resources.requests = { ...resources.limits, ...resources.requests };
  }
  for (const { ports } of spec.hostNetwork ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])] : []) {
    for (const port of ports ?? []) port.hostPort ||= port.containerPort;
  }
  defaultPodLevelResources(spec);
  spec.enableServiceLinks ??= true;
  defaultPodSpec(spec);
  if (spec.terminationGracePeriodSeconds! < 0) spec.terminationGracePeriodSeconds = 1;
  const status = pod.status;
  if (status?.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  else if (status?.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
}
