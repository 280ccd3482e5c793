// Which nodes a daemon set's pods belong on, and what such a pod looks like.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
import { matchesRequiredAffinity } from '../../api/node-selector.ts';
import type { Stored } from '../../api/objects.ts';
import { findUntolerated } from '../../api/tolerations.ts';
import type { Affinity, DaemonSet, Node, Pod, PodSpec, Toleration } from '../../api/types.gen.ts';
import { asObject, controllerReference } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';

export type StoredDaemonSet = Stored<DaemonSet>;
export type StoredNode = Stored<Node>;

export const hashLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Daemons run where others may not. */
function withTolerations(spec: PodSpec): Toleration[] {
  const tolerate = (name: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect,
  });
  const added = [
    tolerate('not-ready', 'NoExecute'),
    tolerate('unreachable', 'NoExecute'),
    tolerate('disk-pressure', 'NoSchedule'),
    tolerate('memory-pressure', 'NoSchedule'),
    tolerate('pid-pressure', 'NoSchedule'),
    tolerate('unschedulable', 'NoSchedule'),
    ...(spec.hostNetwork ? [tolerate('network-unavailable', 'NoSchedule')] : []),
  ];
  const isSame = (a: Toleration, b: Toleration): boolean => a.key === b.key && a.effect === b.effect;
  const kept = (spec.tolerations ?? []).filter((one) => !added.some((other) => isSame(one, other)));
  return [...kept, ...added];
}

/** The scheduler places the pod, but on this node only. */
function pinned(affinity: Affinity | undefined, node: string): Affinity {
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: [node] }] }];
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution } };
}

/** The node that a pod of a daemon set is for, whether it is there yet or not. */
export function targetNodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields } of terms) {
    const field = matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (field?.values?.[0]) return field.values[0];
  }
  return undefined;
}

export interface Belonging {
  shouldRun: boolean;
  /** A pod that is there may stay although a new one would not be put there. */
  mayStay: boolean;
}

export function belongs(set: StoredDaemonSet, node: StoredNode): Belonging {
  const spec = set.spec?.template?.spec ?? { containers: [] };
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { shouldRun: false, mayStay: false };
  if (!matchesRequiredAffinity({ spec }, node)) return { shouldRun: false, mayStay: false };
  const tolerations = withTolerations(spec);
  const untolerated = (effects: string[]): boolean => Boolean(findUntolerated(node.spec?.taints, tolerations, effects));
  return { shouldRun: !untolerated(['NoSchedule', 'NoExecute']), mayStay: !untolerated(['NoExecute']) };
}

const templateGeneration = ({ metadata }: StoredDaemonSet): string | undefined =>
  metadata.annotations?.[generationAnnotation];

export function isUpdated(set: StoredDaemonSet, pod: StoredPod, hash: string): boolean {
  const generation = templateGeneration(set);
  const { labels } = pod.metadata;
  return labels?.[hashLabel] === hash || (generation !== undefined && labels?.[generationLabel] === generation);
}

export function newPod(set: StoredDaemonSet, node: string, hash: string, name: string) {
  const { metadata, spec } = set.spec?.template ?? {};
  const podSpec = spec ?? { containers: [] };
  const generation = templateGeneration(set);
  return asObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace,
      labels: {
        ...metadata?.labels,
        ...(generation === undefined ? {} : { [generationLabel]: generation }),
        [hashLabel]: hash,
      },
      ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata?.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(set)],
    },
    spec: { ...podSpec, affinity: pinned(podSpec.affinity, node), tolerations: withTolerations(podSpec) },
  });
}
