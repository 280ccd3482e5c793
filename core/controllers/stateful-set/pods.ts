// The pods of a stateful set: each has a name, a place in the order, and claims of its own.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
import type { KubeObject, Stored } from '../../api/objects.ts';
import type { OwnerReference, PersistentVolumeClaim, PodTemplateSpec, StatefulSet } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import type { Action } from '../controller.ts';
import { asObject, controllerReference } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';

export type StoredStatefulSet = Stored<StatefulSet>;

export const revisionLabel = 'controller-revision-hash';
const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

export const replicasOf = ({ spec }: StoredStatefulSet): number => spec?.replicas ?? 1;
export const firstOrdinal = ({ spec }: StoredStatefulSet): number => spec?.ordinals?.start ?? 0;
const podName = (set: StoredStatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

/** undefined: the pod's name is not one that the set gives. */
export function ordinalOf(set: StoredStatefulSet, { metadata: { name } }: StoredPod): number | undefined {
  const match = /^(.*)-(0|[1-9]\d*)$/.exec(name);
  return match?.[1] === set.metadata.name ? Number(match[2]) : undefined;
}

export const revisionOfPod = ({ metadata }: StoredPod): string => metadata.labels?.[revisionLabel] ?? '';

const claimName = (claim: PersistentVolumeClaim, set: StoredStatefulSet, ordinal: number): string =>
  `${claim.metadata?.name}-${set.metadata.name}-${ordinal}`;

const claimTemplates = ({ spec }: StoredStatefulSet): PersistentVolumeClaim[] => spec?.volumeClaimTemplates ?? [];

export const claimNames = (set: StoredStatefulSet, ordinal: number): string[] =>
  claimTemplates(set).map((claim) => claimName(claim, set, ordinal));

/** Volumes of the set's claims stand in for volumes of the same name in the template. */
function volumesOf(set: StoredStatefulSet, template: PodTemplateSpec, ordinal: number) {
  const claims = claimTemplates(set);
  const names = new Set(claims.map((claim) => claim.metadata?.name));
  return [
    ...claims.map((claim) => ({
      name: claim.metadata?.name ?? '',
      persistentVolumeClaim: { claimName: claimName(claim, set, ordinal), readOnly: false },
    })),
    ...(template.spec?.volumes ?? []).filter((volume) => !names.has(volume.name)),
  ];
}

export function newPod(
  set: StoredStatefulSet,
  template: PodTemplateSpec,
  revision: string,
  ordinal: number,
): StoredPod {
  const name = podName(set, ordinal);
  const volumes = volumesOf(set, template, ordinal);
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: { ...labels, [nameLabel]: name, [indexLabel]: String(ordinal), [revisionLabel]: revision },
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...template.spec,
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  } as unknown as StoredPod;
}

/** Whom a claim goes with: the set when it is deleted, the pod when it is scaled away, or nobody. */
function claimOwner(
  set: StoredStatefulSet,
  pod: StoredPod | undefined,
  condemned: boolean,
): OwnerReference | undefined {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const reference = ({ controller: _c, blockOwnerDeletion: _b, ...rest }: OwnerReference): OwnerReference => rest;
  if (condemned && whenScaled === 'Delete' && pod) return reference(controllerReference(pod));
  return whenDeleted === 'Delete' ? reference(controllerReference(set)) : undefined;
}

/** Creates the claims of a pod that are missing, and sets the owners of those that stand. */
export function settleClaims(
  set: StoredStatefulSet,
  ordinal: number,
  pod: StoredPod | undefined,
  condemned: boolean,
  standing: readonly KubeObject[],
): Action[] {
  const owner = claimOwner(set, pod, condemned);
  return claimTemplates(set).flatMap((template): Action[] => {
    const name = claimName(template, set, ordinal);
    const claim = standing.find(({ metadata }) => metadata.name === name);
    if (claim) return settleOwner(set, claim, owner);
    if (condemned) return [];
    const { labels, annotations } = template.metadata ?? {};
    const metadata = {
      name,
      namespace: set.metadata.namespace,
      labels: { ...labels, ...set.spec?.selector?.matchLabels },
      ...(annotations ? { annotations } : {}),
      ...(owner ? { ownerReferences: [owner] } : {}),
    };
    const object = asObject({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: template.spec });
    const message = `Create Claim ${name} Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata.name} success`;
    const event = { about: asObject(set), type: 'Normal', reason: 'SuccessfulCreate', message } as const;
    return [{ do: 'create', of: resources.persistentVolumeClaims, object, event }];
  });
}

/** Owners that are not ours are left alone; with a foreign controller so is the claim. */
function settleOwner(set: StoredStatefulSet, claim: KubeObject, owner: OwnerReference | undefined): Action[] {
  const references = claim.metadata.ownerReferences ?? [];
  if (references.some((reference) => reference.controller)) return [];
  const isOurs = ({ kind, uid, name }: OwnerReference): boolean =>
    uid === set.metadata.uid || (kind === 'Pod' && name.startsWith(`${set.metadata.name}-`));
  const wanted = [...references.filter((reference) => !isOurs(reference)), ...(owner ? [owner] : [])];
  const same =
    wanted.length === references.length && wanted.every(({ uid }) => references.some((one) => one.uid === uid));
  if (same) return [];
  const object = { ...claim, metadata: { ...claim.metadata, ownerReferences: wanted } };
  return [{ do: 'update', of: resources.persistentVolumeClaims, object }];
}

const told = (set: StoredStatefulSet, verb: 'create' | 'delete', name: string) =>
  ({
    about: asObject(set),
    type: 'Normal',
    reason: verb === 'create' ? 'SuccessfulCreate' : 'SuccessfulDelete',
    message: `${verb} Pod ${name} in StatefulSet ${set.metadata.name} successful`,
  }) as const;

export const createPod = (set: StoredStatefulSet, pod: StoredPod): Action => ({
  do: 'create',
  of: resources.pods,
  object: asObject(pod),
  event: told(set, 'create', pod.metadata.name),
});

export const deletePod = (set: StoredStatefulSet, { metadata: { namespace = '', name, uid } }: StoredPod): Action => ({
  do: 'delete',
  of: resources.pods,
  key: { namespace, name },
  options: { uid },
  event: told(set, 'delete', name),
});

/** Puts right the labels that say which pod of the set this is. */
export function settleIdentity(pod: StoredPod, ordinal: number): Action[] {
  const { labels, namespace = '', name, uid } = pod.metadata;
  if (labels?.[nameLabel] === name) return [];
  const patch = { metadata: { uid, labels: { [nameLabel]: name, [indexLabel]: String(ordinal) } } };
  return [{ do: 'patch', of: resources.pods, key: { namespace, name }, patch, type: 'merge' }];
}
