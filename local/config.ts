// The configuration of the one control plane process, written by `slipway up` as JSON and read by control-plane-main.ts.

/** Where something listens. */
export interface ListenAddress {
  host: string;
  port: number;
}

/** What of the real programs' flags `slipway up` takes: times in seconds, and what holds when they are absent. */
export interface NodeSettings {
  /** --node-monitor-grace-period (40). Leases last as long. */
  nodeMonitorGracePeriod?: number;
  /** --default-not-ready-toleration-seconds (300) */
  defaultNotReadyTolerationSeconds?: number;
  /** --default-unreachable-toleration-seconds (300) */
  defaultUnreachableTolerationSeconds?: number;
  /** kubelet's --pod-max-pids (4096) */
  podMaxPids?: number;
  /** kubelet's --pod-manifest-path: folder (or file) of manifests of static pods, which every node runs; '' takes it back. */
  podManifestPath?: string;
}

export const settingNames = [
  'nodeMonitorGracePeriod',
  'defaultNotReadyTolerationSeconds',
  'defaultUnreachableTolerationSeconds',
  'podMaxPids',
  'podManifestPath',
] as const satisfies (keyof NodeSettings)[];

/** All paths are absolute. */
export interface ControlPlaneConfig {
  /** The cluster's name ("slipway"): the kubeconfig context, the log, the certificates' names. */
  name: string;
  /** LMDB, certificates and keys: survives a stop. Made (0700) if it is missing. */
  dataDirectory: string;
  /** The API over TLS. The first is what kubectl uses (127.0.0.1); further ones are the gateways of the nodes' networks. */
  listen: ListenAddress[];
  /** Extra names and addresses for the API's certificate, beyond localhost, the listen addresses and the service's. */
  certificateNames?: string[];
  /** Range of cluster IPs; its first address is the `kubernetes` service. */
  serviceCidr: string;
  /** Range that pods are given addresses from (the node controller cuts a piece for each node). */
  podCidr: string;
  /** What `kubernetes.default` leads to: host and port that pods can reach. */
  advertise: ListenAddress;
  /** On which nodes answer DNS: the address of the service `kube-system/kube-dns`, which is not there without it. */
  clusterDns?: string;
  clusterDomain: string;
  settings?: NodeSettings;
  /** Holds the process id from the start; removed on a clean end. */
  pidFile: string;
  /** Written (JSON: ControlPlaneReady) once requests are answered; removed at the start and on a clean end. */
  readyFile: string;
  /** One JSON object a line; standard error when absent. */
  logFile?: string;
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
  /** How many changes the watch log keeps (default 50,000 of each resource), and for how long (default 5 minutes). */
  changeLog?: { maxChanges?: number; maxAgeMs?: number };
}

/** What the ready file says. */
export interface ControlPlaneReady {
  pid: number;
  startedAtMs: number;
  readyAfterMs: number;
  /** `https://127.0.0.1:PORT` */
  server: string;
  files: ControlPlaneFiles;
}

/** Files of the control plane's data directory that other programs read (local/pki.ts makes them). */
export interface ControlPlaneFiles {
  /** The cluster's CA certificate (PEM). */
  ca: string;
  /** Client certificate and key of `kubernetes-admin` in `system:masters`, for kubeconfig. */
  adminCertificate: string;
  adminKey: string;
}

/** Exit codes of the control plane process. */
export const exitCodes = {
  configuration: 2,
  portInUse: 3,
  dataDirectoryInUse: 4,
  dataDirectoryNewer: 5,
  failed: 1,
} as const;
