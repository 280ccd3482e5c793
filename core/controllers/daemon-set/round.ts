// What one look at a daemon set works with: what was observed, and the pods that it wants made and gone.
import type { Action } from '../controller.ts';
import { availableInMs, type StoredPod } from '../pod-state.ts';
import type { StoredRevision } from '../revision-history.ts';
import type { StoredDaemonSet, StoredNode } from './nodes.ts';

export interface ObservedDaemonSet {
  set: StoredDaemonSet;
  nodes: readonly StoredNode[];
  /** Owned by it, or free and matching its selector. */
  pods: readonly StoredPod[];
  revisions: readonly StoredRevision[];
  standingAtNewName?: StoredRevision;
  /** When a failed pod was last replaced on a node, and how often in a row. */
  failures: Readonly<Record<string, { atMs: number; count: number }>>;
}

export interface Round {
  observed: ObservedDaemonSet;
  nowMs: number;
  hash: string;
  byNode: Map<string, StoredPod[]>;
  /** Nodes to get a pod, and pods to go. */
  needing: Set<string>;
  doomed: Map<StoredPod, Action[]>;
  laterMs: number[];
}

export const share = (value: number | string | undefined, total: number): number =>
  typeof value === 'number' ? value : value === undefined ? 0 : Math.ceil((Number.parseInt(value, 10) * total) / 100);

export const isAvailable = ({ observed, nowMs }: Round, pod: StoredPod): boolean =>
  availableInMs(pod, observed.set.spec?.minReadySeconds ?? 0, nowMs) === 0;

export const rollingUpdate = ({ spec }: StoredDaemonSet) =>
  (spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
    ? (spec?.updateStrategy?.rollingUpdate ?? {})
    : undefined;

export const surgeOf = (set: StoredDaemonSet, total: number): number => share(rollingUpdate(set)?.maxSurge, total);

/** Bound before not, older before younger, and then by uid: all who look at the same pods keep the same one. */
export const byAge = (a: StoredPod, b: StoredPod): number => {
  const unbound = (pod: StoredPod): number => (pod.spec?.nodeName ? 0 : 1);
  const rank = ({ metadata }: StoredPod): string => `${metadata.creationTimestamp ?? ''}/${metadata.uid}`;
  return unbound(a) - unbound(b) || (rank(a) < rank(b) ? -1 : 1);
};

export const doom = (round: Round, pod: StoredPod | undefined): void => {
  if (pod && !round.doomed.has(pod)) round.doomed.set(pod, []);
};
