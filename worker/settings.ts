// What an EC2 worker is told at its start, and where its files stand.

/** Written into user data by the stack; strings may be CDK's placeholders for what is known at deployment only. */
export interface WorkerSettings {
  /** Name of the cluster. */
  cluster: string;
  region: string;
  /** Prefix of the cluster's SSM parameters: `/slipway/NAME`. */
  parameters: string;
  /** Addresses of services; the node answers DNS on the tenth. Absent: it does not. */
  serviceCidr?: string;
  /** Default: `cluster.local`. */
  clusterDomain?: string;
  labels?: Record<string, string>;
  taints?: { key: string; value?: string; effect: string }[];
  /** A /10 for pods that overlaps neither the VPC nor what it reaches. Default: 100.64.0.0/10. */
  podNetwork?: string;
  /** Folder of manifests of static pods. */
  staticPodPath?: string;
}

/** All below `/`; tests put another folder before them. */
export const paths = {
  settings: '/etc/slipway/worker.json',
  agentConfig: '/etc/slipway/agent.json',
  ca: '/etc/slipway/ca.pem',
  containerdConfig: '/etc/slipway/containerd.toml',
  cni: '/etc/slipway/cni',
  networkRules: '/etc/slipway/network.nft',
  pauseArchive: '/var/lib/slipway/pause.tar',
  /** One folder a version: `VERSION/slipway-worker.cjs`. */
  versions: '/opt/slipway/versions',
  /** Link to the folder of the version that runs. */
  current: '/opt/slipway/current',
  guard: '/opt/slipway/guard',
  agentState: '/var/lib/slipway/agent',
  updateState: '/var/lib/slipway/update.json',
  containerdSocket: '/run/containerd/containerd.sock',
} as const;

export const bundleName = 'slipway-worker.cjs';
/** AL2023 installs each Node.js beside the others, under its major version. */
export const nodeProgram = '/usr/bin/node-24';
