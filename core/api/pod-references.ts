// Which other objects a pod names: what a node may read for it, and what it must be told of when it changes.
import type { Container, EnvFromSource, EnvVar, EphemeralContainer, Pod, Volume } from './types.gen.ts';

export interface PodReferences {
  configMaps: Set<string>;
  secrets: Set<string>;
  claims: Set<string>;
  resourceClaims: Set<string>;
  serviceAccount: string;
}

/** Where a node has a pod from: `file`, and `api`, which is meant where there is none. */
export const configSourceAnnotation = 'kubernetes.io/config.source';

/** Of a node's own manifests. */
export const isStaticPod = ({ metadata }: Pod): boolean =>
  (metadata?.annotations?.[configSourceAnnotation] ?? 'api') !== 'api';

/** A pod that stands for a static one of its node; it may name nothing. */
export const mirrorPodAnnotation = 'kubernetes.io/config.mirror';

export const isMirrorPod = (pod: Pod): boolean => pod.metadata?.annotations?.[mirrorPodAnnotation] !== undefined;

/** Names within the pod's own namespace. */
export function podReferences(pod: Pod): PodReferences {
  const spec = pod.spec;
  const found: PodReferences = {
    configMaps: new Set(),
    secrets: new Set(),
    claims: new Set(),
    resourceClaims: new Set(),
    serviceAccount: spec?.serviceAccountName ?? '',
  };
  if (!spec) return found;
  for (const { name } of spec.imagePullSecrets ?? []) add(found.secrets, name);
  const containers: (Container | EphemeralContainer)[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const { env, envFrom } of containers) {
    for (const source of envFrom ?? []) addEnvFrom(found, source);
    for (const variable of env ?? []) addEnv(found, variable);
  }
  for (const volume of spec.volumes ?? []) addVolume(found, volume, pod.metadata?.name ?? '');
  for (const claim of spec.resourceClaims ?? []) {
    const status = pod.status?.resourceClaimStatuses?.find((entry) => entry.name === claim.name);
    add(found.resourceClaims, claim.resourceClaimName ?? status?.resourceClaimName);
  }
  return found;
}

function add(into: Set<string>, name: string | undefined): void {
  if (name) into.add(name);
}

function addEnvFrom(found: PodReferences, source: EnvFromSource): void {
  add(found.configMaps, source.configMapRef?.name);
  add(found.secrets, source.secretRef?.name);
}

function addEnv(found: PodReferences, variable: EnvVar): void {
  add(found.configMaps, variable.valueFrom?.configMapKeyRef?.name);
  add(found.secrets, variable.valueFrom?.secretKeyRef?.name);
}

function addVolume(found: PodReferences, volume: Volume, podName: string): void {
  add(found.configMaps, volume.configMap?.name);
  add(found.secrets, volume.secret?.secretName);
  for (const source of volume.projected?.sources ?? []) {
    add(found.configMaps, source.configMap?.name);
    add(found.secrets, source.secret?.name);
  }
  add(found.claims, volume.persistentVolumeClaim?.claimName);
  // A generic ephemeral volume's claim is named after its pod.
  if (volume.ephemeral) add(found.claims, `${podName}-${volume.name}`);
  add(found.secrets, volume.azureFile?.secretName);
  const withSecret = [
    volume.cephfs,
    volume.cinder,
    volume.flexVolume,
    volume.iscsi,
    volume.rbd,
    volume.scaleIO,
    volume.storageos,
  ];
  for (const source of withSecret) add(found.secrets, source?.secretRef?.name);
  add(found.secrets, volume.csi?.nodePublishSecretRef?.name);
}
