// What the agent's TLS server (agent/server/) needs of the rest of the agent: doorbell, logs, exec, port-forward, stats.
import type { Pod } from '../core/api/types.gen.ts';
import type { Log } from '../core/ports.ts';
import type { PodUsage, UsageStats } from './usage.ts';

/** One container of a pod as `logs` and `exec` want it. */
export interface ServedContainer {
  name: string;
  /** CRI id, without the `containerd://` of the API. */
  id: string;
  attempt: number;
  running: boolean;
  tty: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  /** CRI log file of this attempt; rotated files stand beside it (`<attempt>.log.<time>`). */
  logPath: string;
}

export interface ServedPod {
  /** As the control plane sent it last. */
  pod: Pod;
  sandboxId: string | undefined;
  podIP: string | undefined;
  /** The newest attempt of each container that has one. */
  containers: ServedContainer[];
}

export interface ExecOptions {
  command: string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** PEM texts. `clientCa` is what callers' certificates are checked against; only `allowedCallers` (common names) may call. */
export interface ServingMaterial {
  key: string;
  cert: string;
  clientCa: string;
}

export interface ServerPort {
  nodeName: string;
  address: string;
  /** 0: take a free port and tell it back. */
  port: number;
  log: Log;
  tls(): ServingMaterial;
  /** Calls back when the serving certificate was renewed. */
  onTlsChange(callback: () => void): void;
  /** The doorbell: sync now. Returns at once. */
  ring(): void;
  /** All pods of this node. */
  pods(): ServedPod[];
  pod(namespace: string, name: string): ServedPod | undefined;
  /** CRI's streaming server URL (loopback of the node's network namespace); throws for the simulated runtime. */
  execUrl(containerId: string, options: ExecOptions): Promise<string>;
  attachUrl(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<string>;
  portForwardUrl(sandboxId: string, ports: number[]): Promise<string>;
  /** Runs a command without a stream (`/run`), stdout and stderr as text. */
  execSync(
    containerId: string,
    command: string[],
    timeoutSeconds: number,
  ): Promise<{ stdout: string; stderr: string; exitCode: number }>;
  podUsage(): PodUsage[];
  nodeUsage(): UsageStats;
  /** What the agent counts about itself, and its probes, as Prometheus text. */
  metrics(): string;
  probeMetrics(): string;
  /** Root of the node's log files, for `/logs/`. */
  logDir: string;
}

export interface AgentServer {
  /** The port it listens on. */
  port: number;
  close(): Promise<void>;
}
