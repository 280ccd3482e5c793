// The configuration of one node's containerd (1.6 and later) and of its pod network, as text.
// Sources: containerd's docs/cri/config.md, and the CNI plugins' own pages (bridge, host-local, portmap).

export interface ContainerdSettings {
  /** Persistent: images, snapshots, metadata. */
  root: string;
  /** Under /run: gone after a reboot. */
  state: string;
  socket: string;
  /** Folder that receives the two CNI chains (defaultChain, hostPortChain). */
  cni: string;
  cniPlugins: string;
  runc: string;
  pauseImage: string;
  /** Folder of hosts.toml files, one folder a registry; people may add mirrors there. */
  registries: string;
  /** The kernel confines programs by AppArmor, and its parser is there to load containerd's profile. */
  appArmor: boolean;
  /** This user may lower a score for the out-of-memory killer (CAP_SYS_RESOURCE), which containerd does for pod sandboxes. */
  lowerScores: boolean;
}

/** The CRI runtime handler for pods with a host port; the default handler's chain is a bridge alone, which starts faster. */
export const hostPortHandler = 'hostport';

export const chainFolders = (cni: string) => ({ bridge: `${cni}/bridge`, hostPort: `${cni}/hostport` });

const quote = (text: string): string => JSON.stringify(text);

/**
 * Written for Debian's containerd; version 2 of the format, which 2.x reads as well. No tracing, and no snapshotters that are not used.
 */
export function containerdToml(settings: ContainerdSettings): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const chains = chainFolders(settings.cni);
  const runtime = (handler: string, chain: string): string[] => [
    `[${cri}.containerd.runtimes.${handler}]`,
    'runtime_type = "io.containerd.runc.v2"',
    `cni_conf_dir = ${quote(chain)}`,
    'cni_max_conf_num = 1',
    `[${cri}.containerd.runtimes.${handler}.options]`,
    `BinaryName = ${quote(settings.runc)}`,
    'SystemdCgroup = false',
  ];
  return [
    'version = 2',
    `root = ${quote(settings.root)}`,
    `state = ${quote(settings.state)}`,
    'oom_score = 0',
    `disabled_plugins = [${unused.map(quote).join(', ')}]`,
    '[grpc]',
    `address = ${quote(settings.socket)}`,
    '[ttrpc]',
    `address = ${quote(`${settings.socket}.ttrpc`)}`,
    '[plugins."io.containerd.internal.v1.opt"]',
    `path = ${quote(`${settings.root}/opt`)}`,
    `[${cri}]`,
    `sandbox_image = ${quote(settings.pauseImage)}`,
    'stream_server_address = "127.0.0.1"',
    'stream_server_port = "0"',
    `disable_apparmor = ${!settings.appArmor}`,
    `restrict_oom_score_adj = ${!settings.lowerScores}`,
    'enable_unprivileged_ports = true',
    'enable_unprivileged_icmp = true',
    'netns_mounts_under_state_dir = true',
    'max_concurrent_downloads = 6',
    `[${cri}.registry]`,
    `config_path = ${quote(settings.registries)}`,
    `[${cri}.cni]`,
    `bin_dir = ${quote(settings.cniPlugins)}`,
    `conf_dir = ${quote(chains.bridge)}`,
    'max_conf_num = 1',
    `[${cri}.containerd]`,
    'snapshotter = "overlayfs"',
    'default_runtime_name = "runc"',
    ...runtime('runc', chains.bridge),
    ...runtime(hostPortHandler, chains.hostPort),
    '',
  ].join('\n');
}

const unused = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.internal.v1.restart',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
];

export interface PodNetwork {
  /** Names the network in CNI's own cache: unique on the machine. */
  name: string;
  /** The node's pod range; its first address is the bridge's. */
  range: string;
  /** Where host-local keeps its leases. */
  leases: string;
  /** Of pods' links, where it is not what the kernel gives. */
  mtu?: number;
}

/** The CNI chain as JSON. `hostPort` adds portmap. Nothing is masqueraded: every node has a route to every pod. */
export function cniChain(network: PodNetwork, hostPort: boolean): string {
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: false,
    hairpinMode: true,
    ...(network.mtu ? { mtu: network.mtu } : {}),
    ipam: {
      type: 'host-local',
      dataDir: network.leases,
      ranges: [[{ subnet: network.range }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const portmap = { type: 'portmap', capabilities: { portMappings: true }, snat: true };
  const chain = { cniVersion: '0.4.0', name: network.name, plugins: hostPort ? [bridge, portmap] : [bridge] };
  return `${JSON.stringify(chain, null, 2)}\n`;
}
