// The one call between a node and the control plane: POST /api/v1/nodes/{name}/sync (blueprint section 5).
// It renews the lease, reports, and brings what changed for this node; the doorbell makes the agent call it at once.

import type { KubeObject, ObjectKey, Stored } from './objects.ts';
import type {
  ConfigMap,
  CoreV1Event,
  EndpointSlice,
  Node,
  NodeStatus,
  Pod,
  PodStatus,
  Secret,
  Service,
} from './types.gen.ts';

export interface PodReport {
  namespace: string;
  name: string;
  uid: string;
  status: PodStatus;
}

/** A pod whose containers are all gone after its grace period: the control plane may remove the object. */
export interface PodGone {
  namespace: string;
  name: string;
  uid: string;
}

export interface NodeSyncRequest {
  /** Lease: holder identity is the node's name; duration in seconds. */
  leaseDurationSeconds: number;
  /**
   * RFC 3339, by the node's own clock, which is one: how old the lease is goes by it, not by the clocks of the servers that the node
   * happens to reach. Absent: by the server's.
   */
  time?: string;
  /** Full node status when it changed (or every few minutes), otherwise absent. */
  nodeStatus?: NodeStatus;
  podStatuses: PodReport[];
  podsGone: PodGone[];
  /** What happened on the node, to be created; at most `maxSyncEvents`. One that is refused is lost, and nothing is said of it. */
  events?: (KubeObject & CoreV1Event)[];
  /**
   * Revisions this node has seen, as an earlier answer gave them; absent for "send everything".
   * Opaque to the agent.
   */
  since?: string;
  /** True: the node finds the way to pods of other nodes itself, and is told of those (`NetworkChanges.peers`). */
  peers?: boolean;
}

/** A node, as far as the way to its pods goes. */
export interface NodePeer {
  name: string;
  /** InternalIP. */
  address: string;
}

/** Of one call; more wait for the next. */
export const maxSyncEvents = 100;

/** What every node knows of the cluster's network: services and where they lead. Nobody's managed fields are in it. */
export interface NetworkChanges {
  services: Stored<Service>[];
  endpointSlices: Stored<EndpointSlice>[];
  /** Gone since then; empty when the answer is full. */
  deletedServices: ObjectKey[];
  deletedEndpointSlices: ObjectKey[];
  /** Where the request asked for them: nodes that have an address, the asking one too, and names of those that have none any more. */
  peers?: NodePeer[];
  deletedPeers?: string[];
}

export interface NodeSyncResponse {
  /** To be sent as `since` next time. */
  since: string;
  /** True: `pods`, `configMaps`, `secrets` and `network` are all there is; what is not listed is gone. */
  full: boolean;
  node: Stored<Node>;
  /** Pods bound to this node that changed. */
  pods: Stored<Pod>[];
  deletedPods: PodGone[];
  /** Config maps and secrets that this node's pods name and that changed. */
  configMaps: Stored<ConfigMap>[];
  secrets: Stored<Secret>[];
  /** When something of it changed, or the answer is full. */
  network?: NetworkChanges;
  /** `kind/namespace/name` of objects that are named by pods but do not exist (any more). */
  missing: string[];
  /** Reports that were refused, with the reason (pod gone, uid differs ...). */
  refused: { namespace: string; name: string; uid: string; message: string }[];
  /** Call again at the latest after this many milliseconds. */
  nextSyncMs: number;
  /** Version of the agent that workers should run, where the control plane names one. */
  agentVersion?: string;
}

/** Held by the node whose agent is being updated: one at a time. In kube-node-lease; every node may take it. */
export const agentUpdateLease = 'slipway-agent-update';
