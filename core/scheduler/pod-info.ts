// What the scheduler knows of a pod, computed once.

import { nodeNamesRequired } from '../api/node-selector.ts';
import type { Stored } from '../api/objects.ts';
import { controllerOf, refersTo } from '../api/owners.ts';
import { labelSelectorMatches } from '../api/selectors.ts';
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../api/types.gen.ts';
import { podRequests, type Resources } from './requests.ts';

export type StoredPod = Stored<Pod>;

export interface HostPort {
  /** '0.0.0.0' stands for every address. */
  ip: string;
  protocol: string;
  port: number;
}

export interface WeightedTerm {
  term: PodAffinityTerm;
  weight: number;
}

export interface PodInfo {
  /** Its newest version, so that no older one is kept. */
  pod: StoredPod;
  readonly priority: number;
  /** uid of the replica set, replication controller or stateful set whose pods are spread; undefined: it has none of them. */
  readonly spreadWith: string | undefined;
  readonly requests: Resources;
  /** As `requests`, with defaults for what is not asked for: what scores count. */
  readonly weights: Resources;
  readonly ports: readonly HostPort[];
  readonly nodeNames: Set<string> | undefined;
  readonly requiredAffinity: readonly PodAffinityTerm[];
  readonly requiredAntiAffinity: readonly PodAffinityTerm[];
  readonly preferredAffinity: readonly WeightedTerm[];
  readonly preferredAntiAffinity: readonly WeightedTerm[];
  /** A number drawn from the uid, which settles ties between nodes. */
  readonly lot: number;
}

export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

function hostPorts({ spec }: Pod): HostPort[] {
  const ports: HostPort[] = [];
  const sidecars = (spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...(spec?.containers ?? []), ...sidecars]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if (hostPort) ports.push({ ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP', port: hostPort });
    }
  }
  return ports;
}

/** The owner whose pods kube-scheduler spreads by default. */
export function spreadOwner(pod: Pod): string | undefined {
  const owner = controllerOf(pod);
  if (!owner) return undefined;
  const spreads =
    refersTo(owner, 'apps', 'ReplicaSet') ||
    refersTo(owner, 'apps', 'StatefulSet') ||
    refersTo(owner, '', 'ReplicationController');
  return spreads ? owner.uid : undefined;
}

const weighted = (terms: readonly WeightedPodAffinityTerm[] | undefined): WeightedTerm[] =>
  (terms ?? []).map(({ podAffinityTerm: term, weight }) => ({ term, weight }));

function lotOf(uid: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < uid.length; i++) hash = Math.imul(hash ^ uid.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * Pods with equal signatures are judged alike by all rules that look at a node and at how much of it is taken, and no further.
 * Made when a pod is decided on, and not kept: most pods are bound and never asked for it again.
 */
export function signatureOf({ pod: { spec }, requests, weights }: PodInfo): string {
  const images = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((container) => container.image);
  const amounts = [requests, weights].map(({ scalars, ...rest }) => [rest, [...(scalars ?? [])]]);
  const { nodeName, nodeSelector, tolerations } = spec ?? {};
  return JSON.stringify([nodeName, nodeSelector, spec?.affinity?.nodeAffinity, tolerations, images, amounts]);
}

export function podInfo(pod: StoredPod): PodInfo {
  const { spec } = pod;
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const requests = podRequests(pod);
  const weights = podRequests(pod, true);
  return {
    pod,
    priority: spec?.priority ?? 0,
    spreadWith: spreadOwner(pod),
    requests,
    weights,
    ports: hostPorts(pod),
    nodeNames: nodeNamesRequired(pod),
    requiredAffinity: podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
    requiredAntiAffinity: podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [],
    preferredAffinity: weighted(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    lot: lotOf(pod.metadata.uid),
  };
}

export const hasAffinity = (info: PodInfo): boolean =>
  info.requiredAffinity.length +
    info.requiredAntiAffinity.length +
    info.preferredAffinity.length +
    info.preferredAntiAffinity.length >
  0;

/**
 * Whether `other` is one of the pods that a term of `owner` speaks of. Follows
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#namespace-selector
 */
export function affinityTermMatches(
  term: PodAffinityTerm,
  owner: StoredPod,
  other: StoredPod,
  namespaceLabels: (namespace: string) => Record<string, string> | undefined,
): boolean {
  const namespace = other.metadata.namespace ?? '';
  const named = term.namespaces ?? [];
  const inNamespace =
    named.length === 0 && !term.namespaceSelector
      ? namespace === owner.metadata.namespace
      : named.includes(namespace) || labelSelectorMatches(term.namespaceSelector, namespaceLabels(namespace) ?? {});
  return inNamespace && labelSelectorMatches(term.labelSelector, other.metadata.labels);
}
