// Static pods: what a node runs from manifests of its own, and the mirror pods by which the API shows them.
// https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/, KEP-1314 for the mirrors' owner
import { mirrorPodAnnotation } from '../api/pod-references.ts';
import type { Pod } from '../api/types.gen.ts';

/** Hash of the manifest, which is also the static pod's uid; a mirror repeats it. */
export const configHashAnnotation = 'kubernetes.io/config.hash';

export const podKey = (pod: Pod): string => `${pod.metadata?.namespace}/${pod.metadata?.name}`;

const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';

export interface StaticPlan {
  start: Pod[];
  /** Uids: to be ended with the grace of their specs. */
  end: string[];
}

/**
 * @param wanted what the manifests say; of two with one name the first counts
 * @param present static pods that run here, those that end already too
 * @returns a pod whose predecessor of the same name has not ended yet is left for later
 */
export function planStaticPods(wanted: readonly Pod[], present: readonly Pod[]): StaticPlan {
  const chosen = new Map<string, Pod>();
  for (const pod of wanted) if (!chosen.has(podKey(pod))) chosen.set(podKey(pod), pod);
  const uids = new Set([...chosen.values()].map(uidOf));
  const taken = new Set(present.map(podKey));
  return {
    start: [...chosen.values()].filter((pod) => !taken.has(podKey(pod))),
    end: present.filter((pod) => !uids.has(uidOf(pod)) && !pod.metadata?.deletionTimestamp).map(uidOf),
  };
}

export interface MirrorPlan {
  /** Static pods that the API does not show yet. */
  create: Pod[];
  /** Mirrors that stand for nothing, or for what was; they go at once. */
  remove: Pod[];
}

/** Whether the mirror shows this very static pod, as the node that is registered now. */
export function mirrors(mirror: Pod, pod: Pod, nodeUid: string): boolean {
  const hash = pod.metadata?.annotations?.[configHashAnnotation];
  const owner = mirror.metadata?.ownerReferences?.[0]?.uid;
  return mirror.metadata?.annotations?.[mirrorPodAnnotation] === hash && owner === nodeUid;
}

/**
 * @param present static pods that run here; one that ends keeps the mirror that it has, and gets no other
 * @param known mirror pods of this node, as the API last told
 */
export function planMirrors(present: readonly Pod[], known: readonly Pod[], nodeUid: string): MirrorPlan {
  const statics = new Map(present.map((pod) => [podKey(pod), pod]));
  const shown = new Set(known.map(podKey));
  const stands = (mirror: Pod): boolean => {
    const pod = statics.get(podKey(mirror));
    return pod !== undefined && !mirror.metadata?.deletionTimestamp && mirrors(mirror, pod, nodeUid);
  };
  return {
    create: present.filter((pod) => !shown.has(podKey(pod)) && !pod.metadata?.deletionTimestamp),
    remove: known.filter((mirror) => !stands(mirror)),
  };
}

/** The mirror to be made of a static pod: owned by the node, so that it goes with it. */
export function mirrorOf(pod: Pod, node: { name: string; uid: string }): Pod {
  const { uid, ...metadata } = pod.metadata ?? {};
  const annotations = {
    ...metadata.annotations,
    [mirrorPodAnnotation]: metadata.annotations?.[configHashAnnotation] ?? '',
  };
  const owner = { apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, annotations, ownerReferences: [owner] },
    spec: pod.spec,
  };
}

/** The same pod, told to end with the grace that its spec gives: its manifest is gone or says something else. */
export function endedStaticPod(pod: Pod, now: string): Pod {
  const deletionGracePeriodSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: now, deletionGracePeriodSeconds } };
}
