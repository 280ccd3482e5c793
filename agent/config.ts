// The agent's one configuration file (JSON), written by whoever starts the node. Every path is absolute.
import { readFileSync } from 'node:fs';
import type { OverlayPlan } from './net/overlay/overlay.ts';

export interface IamIdentity {
  kind: 'iam';
  /** What tokens are made for: a token for one cluster is refused by another. */
  cluster: string;
  region: string;
  /** Of STS; AWS's own when absent. */
  endpoint?: string;
}

export interface AgentConfig {
  clusterName: string;
  nodeName: string;
  /** `https://host:port` of the API server, or `https://host/stage`. Plain HTTP is taken on loopback only (emulators). */
  apiUrl: string;
  /** PEM file of the cluster's CA: what the API server's certificate and its client certificate are checked against. */
  caFile: string;
  /**
   * Calls carry tokens of the instance's role, and the API's certificate is checked against the public authorities: the API
   * stands behind API Gateway. The cluster's CA still signs the node's serving certificate and the control plane's own.
   */
  identity?: IamIdentity;
  /** File that holds `id.secret`; needed only until the node has a client certificate. */
  bootstrapTokenFile?: string;
  runtime: 'containerd' | 'simulated';
  /** The node's containerd socket (CRI and containerd's own API); unused by the simulated runtime. */
  containerdSocket?: string;
  /** Checkpoint and certificates; readable by the agent only. Survives restarts. */
  stateDir: string;
  /** `<podsDir>/<pod uid>/...`: volumes, hosts files, termination messages. Default: `<stateDir>/pods`. */
  podsDir?: string;
  /** `<podLogDir>/<namespace>_<pod>_<uid>/<container>/<attempt>.log`. Default: `<stateDir>/logs`. */
  podLogDir?: string;
  /** Folder of localhost seccomp profiles. Default: `<stateDir>/seccomp`. */
  seccompDir?: string;
  /** Cgroup under which this node's QoS tree stands, `/slipway/<cluster>/<node>/kubepods`. Made and removed by the agent. */
  cgroupRoot: string;
  /** The node's own address: InternalIP, hostIP of pods, and what the agent's server listens on. */
  address: string;
  /** The agent's TLS port (doorbell, logs, exec, stats). 0 takes a free one. */
  port: number;
  podCidr?: string;
  /** The range of cluster IPs, where whoever starts the node knows it: what in it is no service is refused at once. */
  serviceCidr?: string;
  /** Present: nobody routes between nodes, and the agent keeps an overlay by which pods of other nodes are reached. */
  overlay?: Omit<OverlayPlan, 'address'>;
  /**
   * Present: the API has no address that pods could be sent to, and the agent offers it to them on this one, which is that of the
   * service `kubernetes` (agent/pod-api).
   */
  podApi?: { address: string; port: number };
  /** `spec.providerID` of the node: `aws:///ZONE/INSTANCE`. */
  providerId?: string;
  /** Addresses that pods with dnsPolicy ClusterFirst ask; empty: they get the node's own resolv.conf. */
  clusterDns: string[];
  clusterDomain: string;
  /**
   * Present: the agent answers DNS itself, on the addresses of `clusterDns`, which it takes on. `clusterRanges` (pods and services):
   * their reverse names are the cluster's, and never asked elsewhere.
   */
  nodeDns?: { clusterRanges: string[] };
  /** Read for dnsPolicy Default, and for the servers that the node's DNS asks. Default: /etc/resolv.conf. */
  resolvConf?: string;
  /** Extra node labels, and taints to register with. */
  labels?: Record<string, string>;
  taints?: { key: string; value?: string; effect: string }[];
  maxPods?: number;
  /** Folder (or file) of manifests of static pods, as the kubelet's setting of this name. Absent: there are none. */
  staticPodPath?: string;
  /** Processes and threads that a pod may have. Default: 4096; 0: no limit of its own. */
  podPidsLimit?: number;
  /** Overrides of what is found on the machine (quantities): several nodes that share a machine, simulated nodes. */
  capacity?: { cpu?: string; memory?: string; 'ephemeral-storage'?: string };
  /** What is kept from pods (quantities). */
  reserved?: { cpu?: string; memory?: string };
  /**
   * CRI runtime handler whose CNI chain has portmap, used for pods with a hostPort only: every plugin in the chain costs
   * each pod's start ~15 ms. Absent: the default handler's chain has it.
   */
  hostPortHandler?: string;
  /** Lease and sync: seconds. Defaults 40 and 10. */
  leaseDurationSeconds?: number;
  syncIntervalSeconds?: number;
  /** Sysctls pods may set beyond the safe ones; a trailing `*` matches a prefix. */
  allowedUnsafeSysctls?: string[];
  /** Log rotation; defaults 10 MiB and 5. */
  containerLogMaxBytes?: number;
  containerLogMaxFiles?: number;
  /** Used percent of the images' disk at which unused images begin to go, and down to which; defaults 85 and 80. 100: none goes for room. */
  imageGCHighThresholdPercent?: number;
  imageGCLowThresholdPercent?: number;
  /** An image stays for so long after it was first seen; default 120. */
  imageMinimumGCAgeSeconds?: number;
  /** Unused for so long, an image goes whatever room there is; default 0: none does. */
  imageMaximumGCAgeSeconds?: number;
  /** Dead containers kept of each container of a pod (default 1), and on the node (default -1: no limit of its own). */
  maximumDeadContainersPerContainer?: number;
  maximumDeadContainers?: number;
  /** A dead container stays for so long after it was made; default 0. */
  minimumContainerTTLDurationSeconds?: number;
}

/** What defaults fill in. */
export type ResolvedConfig = AgentConfig &
  Required<
    Pick<
      AgentConfig,
      | 'podsDir'
      | 'podLogDir'
      | 'seccompDir'
      | 'resolvConf'
      | 'labels'
      | 'taints'
      | 'maxPods'
      | 'podPidsLimit'
      | 'leaseDurationSeconds'
      | 'syncIntervalSeconds'
      | 'allowedUnsafeSysctls'
      | 'containerLogMaxBytes'
      | 'containerLogMaxFiles'
      | 'imageGCHighThresholdPercent'
      | 'imageGCLowThresholdPercent'
      | 'imageMinimumGCAgeSeconds'
      | 'imageMaximumGCAgeSeconds'
      | 'maximumDeadContainersPerContainer'
      | 'maximumDeadContainers'
      | 'minimumContainerTTLDurationSeconds'
    >
  >;

export const resolveConfig = (config: AgentConfig): ResolvedConfig => ({
  ...config,
  podsDir: config.podsDir ?? `${config.stateDir}/pods`,
  podLogDir: config.podLogDir ?? `${config.stateDir}/logs`,
  seccompDir: config.seccompDir ?? `${config.stateDir}/seccomp`,
  resolvConf: config.resolvConf ?? '/etc/resolv.conf',
  labels: config.labels ?? {},
  taints: config.taints ?? [],
  maxPods: config.maxPods ?? 110,
  podPidsLimit: config.podPidsLimit ?? 4096,
  leaseDurationSeconds: config.leaseDurationSeconds ?? 40,
  syncIntervalSeconds: config.syncIntervalSeconds ?? 10,
  allowedUnsafeSysctls: config.allowedUnsafeSysctls ?? [],
  containerLogMaxBytes: config.containerLogMaxBytes ?? 10 * 1024 * 1024,
  containerLogMaxFiles: config.containerLogMaxFiles ?? 5,
  imageGCHighThresholdPercent: config.imageGCHighThresholdPercent ?? 85,
  imageGCLowThresholdPercent: config.imageGCLowThresholdPercent ?? 80,
  imageMinimumGCAgeSeconds: config.imageMinimumGCAgeSeconds ?? 120,
  imageMaximumGCAgeSeconds: config.imageMaximumGCAgeSeconds ?? 0,
  maximumDeadContainersPerContainer: config.maximumDeadContainersPerContainer ?? 1,
  maximumDeadContainers: config.maximumDeadContainers ?? -1,
  minimumContainerTTLDurationSeconds: config.minimumContainerTTLDurationSeconds ?? 0,
});

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

/** Throws an Error that says what is wrong with the address of the API or with the identity. */
function checkAccess(path: string, { apiUrl, identity }: AgentConfig): void {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  const plain = url?.protocol === 'http:' && loopback.test(url.hostname);
  if (!url || (url.protocol !== 'https:' && !plain)) throw new Error(`${path}: "apiUrl" must be an https:// address`);
  if (!identity) return;
  if (identity.kind !== 'iam') throw new Error(`${path}: "identity.kind" must be "iam"`);
  for (const field of ['cluster', 'region'] as const)
    if (!identity[field]) throw new Error(`${path}: "identity.${field}" is missing`);
}

/** As kubelet checks its configuration. */
function checkThresholds(path: string, config: ResolvedConfig): void {
  const { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low } = config;
  for (const [field, value] of Object.entries({ imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: low }))
    if (!(Number.isInteger(value) && value >= 0 && value <= 100))
      throw new Error(`${path}: "${field}" must be a whole number from 0 to 100`);
  if (low >= high)
    throw new Error(`${path}: "imageGCLowThresholdPercent" must be less than "imageGCHighThresholdPercent"`);
  const { imageMinimumGCAgeSeconds: least, imageMaximumGCAgeSeconds: most } = config;
  if (!(least >= 0 && (most === 0 || most > least)))
    throw new Error(`${path}: "imageMaximumGCAgeSeconds" must be 0, or more than "imageMinimumGCAgeSeconds"`);
}

const required = ['clusterName', 'nodeName', 'apiUrl', 'caFile', 'stateDir', 'cgroupRoot', 'address'] as const;

/** Reads and checks the file; throws an Error that names the field that is missing. */
export function readConfig(path: string): ResolvedConfig {
  const config = JSON.parse(readFileSync(path, 'utf8')) as AgentConfig;
  for (const field of required) {
    if (typeof config[field] !== 'string' || config[field] === '') throw new Error(`${path}: "${field}" is missing`);
  }
  checkAccess(path, config);
  if (config.staticPodPath && !config.staticPodPath.startsWith('/'))
    throw new Error(`${path}: "staticPodPath" must be an absolute path`);
  if (typeof config.port !== 'number') throw new Error(`${path}: "port" is missing`);
  if (config.runtime !== 'containerd' && config.runtime !== 'simulated') {
    throw new Error(`${path}: "runtime" must be "containerd" or "simulated"`);
  }
  if (config.runtime === 'containerd' && !config.containerdSocket)
    throw new Error(`${path}: "containerdSocket" is missing`);
  const resolved = resolveConfig({
    ...config,
    clusterDns: config.clusterDns ?? [],
    clusterDomain: config.clusterDomain ?? 'cluster.local',
  });
  checkThresholds(path, resolved);
  return resolved;
}
