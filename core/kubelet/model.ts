// The data that the pure pod lifecycle works on: what runs, what is remembered, what is to be done.
import type { ContainerStatus, Pod, PodStatus } from '../api/types.gen.ts';

/** Milliseconds since the epoch everywhere. */
export interface ObservedSandbox {
  id: string;
  attempt: number;
  ready: boolean;
  createdAt: number;
  /** Empty for host network and for sandboxes whose network is gone. */
  ips: string[];
}

export interface ObservedContainer {
  id: string;
  /** Name in the pod's spec. */
  name: string;
  sandboxId: string;
  /** Restart count of the pod's container when this one was made. */
  attempt: number;
  state: 'created' | 'running' | 'exited' | 'unknown';
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  /** Completed, Error, OOMKilled, StartError, ... */
  reason: string;
  /** Termination message. */
  message: string;
  /** As the runtime names it, and its digest reference. */
  image: string;
  imageId: string;
  /** The image that the spec asked for when the container was made: another one now means a restart. */
  requestedImage: string;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
}

export interface ObservedPod {
  /** Newest first. */
  sandboxes: ObservedSandbox[];
  /** Newest first. */
  containers: ObservedContainer[];
}

/** A delay that doubles: the present delay, and when it was last set. */
export interface Backoff {
  delayMs: number;
  updatedAt: number;
}

export interface ContainerMemory {
  /** Why the last start did not succeed, as `state.waiting` shows it. */
  waiting?: { reason: string; message: string };
  crash?: Backoff;
  /** Image pulls that failed; `message` is the last error. */
  image?: Backoff & { message: string };
  /** Starts that failed before a container existed; not before `at`. */
  retry?: Backoff & { at: number };
  /** Container whose preStop hook was started on its own (sidecars: before their turn to stop). */
  preStopped?: string;
  /** Container that was told to end so that another one takes its place at once. */
  replaced?: string;
}

/** What outlives a sync, and a restart of the agent (checkpoint). */
export interface PodMemory {
  /** status.startTime. */
  startTime?: number;
  /** Set once: the pod ends as Failed with this reason (admission, deadline, eviction, preemption). */
  failed?: { reason: string; message: string };
  /** Uids of pods that make room for this one: nothing of it starts before they have ended. */
  waitsFor?: string[];
  /** When termination was first seen; grace counts from here. */
  terminatingSince?: number;
  sandboxRetry?: Backoff & { at: number };
  containers: Record<string, ContainerMemory>;
  /** The status made last. */
  status?: PodStatus;
}

export const emptyMemory = (): PodMemory => ({ containers: {} });

/** Results of probes of one running container; absent: no such probe, or nothing decided yet. */
export interface ProbeResults {
  startup?: boolean;
  readiness?: boolean;
  liveness?: boolean;
}

export type KillReason =
  | 'terminating'
  | 'startup-probe'
  | 'liveness-probe'
  | 'definition'
  | 'unknown-state'
  | 'pod-done';

export type Action =
  | { do: 'create-sandbox'; attempt: number }
  | { do: 'stop-sandbox'; id: string }
  | { do: 'start'; container: string; attempt: number }
  /** preStop hook of a sidecar, run while it waits for its turn to be stopped. */
  | { do: 'pre-stop'; container: string; id: string; graceSeconds: number }
  | {
      do: 'kill';
      container: string;
      id: string;
      /** preStop hook and SIGTERM to SIGKILL together. */
      graceSeconds: number;
      preStop: boolean;
      message: string;
    }
  | { do: 'remove'; id: string }
  /** Everything stopped: take volumes, cgroup, sandboxes and containers away, then say so. */
  | { do: 'finish' };

/** Two actions with one key never run at the same time. */
export function actionKey(action: Action): string {
  switch (action.do) {
    case 'create-sandbox':
      return 'sandbox';
    case 'stop-sandbox':
      return `stop:${action.id}`;
    case 'start':
      return `start:${action.container}`;
    case 'pre-stop':
      return `pre-stop:${action.id}`;
    case 'kill':
      return `kill:${action.id}:${action.graceSeconds}`;
    case 'remove':
      return `remove:${action.id}`;
    case 'finish':
      return 'finish';
  }
}

export interface PodEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  /** Name of the container it is about. */
  container?: string;
}

export interface SyncInput {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  /** By container id. */
  probes: ReadonlyMap<string, ProbeResults>;
  /** The pod is being taken away though its object is gone already (force deletion). */
  removed: boolean;
  /** Pods that make room for this one have not ended yet. */
  waiting?: boolean;
  /** A start is under way, of which `observed` shows nothing yet. */
  starting?: boolean;
  now: number;
  node: { hostIPs: string[] };
}

export interface SyncResult {
  actions: Action[];
  status: PodStatus;
  /** The status is not told yet: a container is between two lives (replacement.ts). */
  quiet: boolean;
  memory: PodMemory;
  events: PodEvent[];
  /** Sync again at the latest then. */
  nextAt: number | undefined;
  /** The pod will run nothing any more: phase is final and containers are stopped. */
  terminated: boolean;
}

export const newest = (observed: ObservedPod, name: string): ObservedContainer | undefined =>
  observed.containers.find((c) => c.name === name);

export const statusOf = (list: readonly ContainerStatus[] | undefined, name: string): ContainerStatus | undefined =>
  list?.find((s) => s.name === name);
