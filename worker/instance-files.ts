// The files of a worker that depend on its instance and its cluster, as text: the agent's and containerd's configuration, the pods'
// network and its rules.
import type { AgentConfig } from '../agent/config.ts';
import { chainFolders, cniChain, containerdToml, hostPortHandler } from '../agent/containerd/config.ts';
import { ociArchive } from '../agent/images/oci-archive.ts';
import { pauseDescription, pauseImage } from '../agent/images/pause.ts';
import { overlayBytes, overlayLink, overlayPort } from '../agent/net/overlay/overlay.ts';
import { defaultPodNetwork, podNetworkObjection, podRangeOf } from '../agent/net/pod-range.ts';
import type { InstanceFacts } from '../aws/instance-metadata.ts';
import { podsPerWorker, reservedCpuMilli, reservedMemoryMiB } from '../aws/worker-capacity.ts';
import type { WorkerParameters } from '../aws/worker-parameters.ts';
import { podApiPort } from '../core/api/pod-api.ts';
import { dnsAddress, firstAddress } from '../core/api/service-range.ts';
import { paths, type WorkerSettings } from './settings.ts';
import type { WorkerFile } from './units.ts';

/** A sync every 75 seconds is what an idle node may cost; the doorbell makes it at once (decision 5). */
const leaseDurationSeconds = 300;
const syncIntervalSeconds = 75;
/** Open to the control plane's security group only. */
const agentPort = 10250;
const podPidsLimit = 4096;
const reserved = { cpu: `${reservedCpuMilli}m`, memory: `${reservedMemoryMiB}Mi` };

export interface InstanceParts {
  settings: WorkerSettings;
  instance: InstanceFacts;
  /** Largest packet, in bytes, of the interface that has the instance's address. */
  mtu: number;
  cluster: WorkerParameters;
  /** Folders and programs as this distribution has them. */
  cniPlugins: string;
  runc: string;
}

export const agentConfig = ({ settings, instance, cluster, mtu }: InstanceParts): AgentConfig => ({
  clusterName: settings.cluster,
  nodeName: instance.id,
  providerId: `aws:///${instance.zone}/${instance.id}`,
  apiUrl: cluster.apiUrl,
  caFile: paths.ca,
  identity: { kind: 'iam', cluster: settings.cluster, region: settings.region },
  runtime: 'containerd',
  containerdSocket: paths.containerdSocket,
  stateDir: paths.agentState,
  podLogDir: '/var/log/pods',
  cgroupRoot: '/slipway/kubepods',
  address: instance.address,
  port: agentPort,
  podCidr: podRangeOf(instance.address, settings.podNetwork),
  overlay: {
    network: settings.podNetwork ?? defaultPodNetwork,
    nodeBlocks: instance.vpcBlocks,
    mtu: mtu - overlayBytes,
  },
  ...serviceNetwork(settings),
  clusterDomain: settings.clusterDomain ?? 'cluster.local',
  // systemd-resolved's own address, loopback, cannot be reached from a pod
  resolvConf: '/run/systemd/resolve/resolv.conf',
  labels: {
    'topology.kubernetes.io/region': instance.region,
    'topology.kubernetes.io/zone': instance.zone,
    'node.kubernetes.io/instance-type': instance.type,
    'topology.k8s.aws/zone-id': instance.zoneId,
    ...settings.labels,
  },
  taints: settings.taints ?? [],
  maxPods: podsPerWorker,
  ...(settings.staticPodPath ? { staticPodPath: settings.staticPodPath } : {}),
  podPidsLimit,
  reserved,
  hostPortHandler,
  leaseDurationSeconds,
  syncIntervalSeconds,
});

/** A worker that was launched before its cluster had DNS was not told the range. */
function serviceNetwork({
  serviceCidr,
  podNetwork = defaultPodNetwork,
}: WorkerSettings): Pick<AgentConfig, 'serviceCidr' | 'clusterDns' | 'nodeDns' | 'podApi'> {
  if (!serviceCidr) return { clusterDns: [] };
  const clusterDns = [dnsAddress(serviceCidr)];
  return {
    serviceCidr,
    clusterDns,
    nodeDns: { clusterRanges: [podNetwork, serviceCidr] },
    podApi: { address: firstAddress(serviceCidr), port: podApiPort },
  };
}

/**
 * Pods go out in the instance's name, and may not ask for its credentials: those are a node's. Among nodes their addresses stay,
 * and only nodes wrap packets for each other: a pod's would come out at another node as anybody's.
 */
export const networkRules = (
  range: string,
  network: string,
  nodeBlocks: readonly string[],
): string => `table ip slipway_worker
delete table ip slipway_worker
table ip slipway_worker {
  chain post {
    type nat hook postrouting priority srcnat
    ip saddr ${range} ip daddr != ${network} masquerade
    oifname "${overlayLink}" ip saddr != ${network} masquerade
  }
  chain forward {
    type filter hook forward priority filter
    ip saddr ${range} ip daddr 169.254.169.254 reject
    iifname "${overlayLink}" ct direction original ip daddr != ${range} reject
    iifname "cni0" ip daddr { ${nodeBlocks.join(', ')} } udp dport ${overlayPort} reject
  }
  chain input {
    type filter hook input priority filter
    iifname { "cni0", "${overlayLink}" } udp dport ${overlayPort} reject
  }
}
`;

/** Throws Error when pods of this VPC's workers cannot have addresses of their own. */
export function instanceFiles(parts: InstanceParts): WorkerFile[] {
  const { settings, instance, cluster, mtu, cniPlugins, runc } = parts;
  const objection = podNetworkObjection(instance.vpcBlocks, settings.podNetwork);
  if (objection) throw new Error(objection);
  const range = podRangeOf(instance.address, settings.podNetwork);
  const network = { name: 'slipway', range, leases: '/run/slipway/leases', mtu: mtu - overlayBytes };
  const rules = networkRules(range, settings.podNetwork ?? defaultPodNetwork, instance.vpcBlocks);
  const chains = chainFolders(paths.cni);
  const toml = containerdToml({
    root: '/var/lib/containerd',
    state: '/run/containerd',
    socket: paths.containerdSocket,
    cni: paths.cni,
    cniPlugins,
    runc,
    pauseImage,
    registries: '/etc/containerd/certs.d',
    appArmor: false,
    lowerScores: true,
  });
  return [
    { path: paths.agentConfig, text: `${JSON.stringify(agentConfig(parts), null, 2)}\n`, mode: 0o600 },
    { path: paths.ca, text: cluster.ca, mode: 0o644 },
    { path: paths.containerdConfig, text: toml, mode: 0o644 },
    { path: `${chains.bridge}/10-slipway.conflist`, text: cniChain(network, false), mode: 0o644 },
    { path: `${chains.hostPort}/10-slipway.conflist`, text: cniChain(network, true), mode: 0o644 },
    { path: paths.networkRules, text: rules, mode: 0o644 },
    { path: paths.pauseArchive, text: ociArchive(pauseDescription()), mode: 0o644 },
  ];
}
