// What replica sets and replication controllers share: both keep a number of pods from one template.
import type { KubeObject, Stored } from '../../api/objects.ts';
import type { LabelSelector, ReplicaSet, ReplicaSetStatus } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import type { StoredPod } from '../pod-state.ts';

/** A replication controller has the same fields, but for its selector (see `Flavour.selectorOf`). */
export type StoredReplicaSet = Stored<ReplicaSet>;

export interface Flavour {
  name: string;
  component: string;
  of: ResourceRef;
  group: string;
  kind: string;
  selectorOf(object: KubeObject): LabelSelector | undefined;
  /** Whether status counts the pods that are terminating. */
  countsTerminating: boolean;
}

export interface ObservedReplicaSet {
  owner: StoredReplicaSet;
  selector: LabelSelector | undefined;
  /** Owned by it, or free and matching its selector. */
  pods: readonly StoredPod[];
  /** Active pods on each node of all replica sets with the same controller: a crowded node gives up pods first. */
  podsOnNode: Readonly<Record<string, number>>;
  /** Names for as many new pods as may be wanted now. */
  freeNames: readonly string[];
}

export const replicasOf = (owner: StoredReplicaSet): number => owner.spec?.replicas ?? 1;

export const statusOf = (owner: StoredReplicaSet): ReplicaSetStatus => owner.status ?? { replicas: 0 };
