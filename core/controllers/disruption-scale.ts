// How many pods the controllers of a budget's pods ask for.
import type { KubeObject, ObjectKey } from '../api/objects.ts';
import { controllerOf, refersTo } from '../api/owners.ts';
import type { OwnerReference } from '../api/types.gen.ts';
import type { ResourceRef } from '../client/client.ts';
import { resources } from '../client/resources.ts';
import type { StoredPod } from './pod-state.ts';

export interface Scales {
  /** The replicas that the pods' controllers ask for, in all. */
  scale: number;
  /** Pods without a controller: a share of them cannot be told. */
  unmanaged: readonly string[];
  /** Why the scale cannot be told. */
  trouble?: string;
}

interface Scaled {
  spec?: { replicas?: number };
}

interface Scale {
  uid: string;
  replicas: number;
}

export type Find = (of: ResourceRef, key: ObjectKey) => KubeObject | undefined | Promise<KubeObject | undefined>;

/** Who decides the number of a pod's kind, and which: the deployment, not its replica sets. */
async function scaleOf(owner: OwnerReference, namespace: string, find: Find): Promise<Scale | undefined> {
  const ofUid = async (of: ResourceRef, { name, uid }: OwnerReference): Promise<KubeObject | undefined> => {
    const found = await find(of, { namespace, name });
    return found?.metadata.uid === uid ? found : undefined;
  };
  const byKind = { ReplicaSet: resources.replicaSets, StatefulSet: resources.statefulSets } as const;
  const of = refersTo(owner, '', 'ReplicationController')
    ? resources.replicationControllers
    : owner.apiVersion.startsWith('apps/')
      ? byKind[owner.kind as keyof typeof byKind]
      : undefined;
  const controller = of && (await ofUid(of, owner));
  if (!controller) return undefined;
  const above = controllerOf(controller);
  const deployment =
    above && refersTo(above, 'apps', 'Deployment') ? await ofUid(resources.deployments, above) : undefined;
  const scaled = deployment || controller;
  return { uid: scaled.metadata.uid ?? '', replicas: (scaled as unknown as Scaled).spec?.replicas ?? 1 };
}

/** The replicas that the pods' controllers ask for, in all; and whose cannot be told. */
export async function observeScale(pods: readonly StoredPod[], find: Find): Promise<Scales> {
  const byOwner = new Map<string, Scale | undefined>();
  const scales = new Map<string, number>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) {
      unmanaged.push(pod.metadata.name);
      continue;
    }
    if (!byOwner.has(owner.uid)) byOwner.set(owner.uid, await scaleOf(owner, pod.metadata.namespace ?? '', find));
    const scale = byOwner.get(owner.uid);
    if (!scale) return { scale: 0, unmanaged, trouble: `found no controllers for pod "${pod.metadata.name}"` };
    scales.set(scale.uid, scale.replicas);
  }
  return { scale: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
}
