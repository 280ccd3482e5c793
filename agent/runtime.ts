// The port on which the pod lifecycle's actions are carried out. Two drivers: CRI (agent/cri/driver.ts) and simulated.
import type { Pod } from '../core/api/types.gen.ts';
import type { StartFailure } from '../core/kubelet/failures.ts';
import type { ObservedPod, PodEvent } from '../core/kubelet/model.ts';

/** A pod as its worker hands it to the driver: always the newest that the control plane sent. */
export interface PodTask {
  uid: string;
  pod: Pod;
  /** Pod addresses that the status shows, for downward API environment and hosts file. */
  podIPs: string[];
  hostIPs: string[];
  /** The pod is to end: nothing that only its life needs is waited for any more. */
  ending: AbortSignal;
  event(event: PodEvent): void;
}

/** A start that failed, in the words of `state.waiting`. */
export class StartError extends Error {
  readonly failure: StartFailure;
  constructor(failure: StartFailure, message: string) {
    super(message);
    this.name = 'StartError';
    this.failure = failure;
  }
}

export interface KillRequest {
  container: string;
  id: string;
  graceSeconds: number;
  preStop: boolean;
  message: string;
}

export interface RuntimeHealth {
  /** False: the node is not Ready, with this reason. */
  ready: boolean;
  message: string;
}

export interface Runtime {
  /** Nothing really runs: probes are taken to succeed. */
  readonly pretends?: boolean;
  /** Begins to observe; `onChange` is called with a pod's uid whenever `observed` shows something new. */
  start(onChange: (uid: string) => void): Promise<void>;
  /** Ends observing; what runs goes on running. */
  close(): Promise<void>;
  /** What is known of the pod now; never waits. */
  observed(uid: string): ObservedPod;
  /** Pods that have anything in the runtime or on the node's disk, also those that nobody wants any more. */
  present(): { uid: string; namespace: string; name: string }[];
  createSandbox(task: PodTask, attempt: number): Promise<void>;
  stopSandbox(task: PodTask, id: string): Promise<void>;
  /** Image, create, start, postStart hook. Throws StartError. */
  startContainer(task: PodTask, name: string, attempt: number): Promise<void>;
  preStop(task: PodTask, name: string, id: string, graceSeconds: number): Promise<void>;
  kill(task: PodTask, request: KillRequest): Promise<void>;
  remove(task: PodTask, id: string): Promise<void>;
  /** Sandboxes stopped, volumes and cgroup gone; with `deleted` containers, sandboxes, logs and folders too. */
  finish(task: PodTask, deleted: boolean): Promise<void>;
  /** The pod object, or an object it uses, changed: refresh volumes. */
  refresh(task: PodTask): Promise<void>;
  /** A command in a container, for probes. Output is cut at 10 KiB. Throws when the runtime itself fails: nothing is known then. */
  exec(
    id: string,
    command: string[],
    timeoutSeconds: number,
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }>;
  health(): Promise<RuntimeHealth>;
}
