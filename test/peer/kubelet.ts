// A real kubelet in a node's network namespace, on that node's own containerd, with nothing of it outside the given folders.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cgroupMounts } from '../../local/remains/cgroups.ts';
import type { ClusterPaths, NodePaths } from '../../local/state/paths.ts';
import { type ProcessRef, startDetached } from '../../local/state/processes.ts';
import { logFile } from '../../local/state/spec.ts';
import { program } from './build.ts';
import { tokenKubeconfig } from './control-plane.ts';

export interface KubeletOptions {
  server: string;
  /** Of the user `system:node:NAME`. */
  token: string;
  address: string;
}

/** Settings of the whole machine that kubelet changes (its kernel tunables); each a file below /proc/sys. */
const tunables = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
].map((name) => `/proc/sys/${name}`);

/** Returns what puts them back as they are now. */
export function keepTunables(): () => void {
  const before = tunables.filter((file) => existsSync(file)).map((file) => [file, readFileSync(file, 'utf8')] as const);
  return () => {
    for (const [file, value] of before) if (readFileSync(file, 'utf8') !== value) writeFileSync(file, value);
  };
}

/** kubelet wants its root cgroup to be there in every hierarchy; cgroup v1's cpuset starts empty and must be filled. */
function makeCgroup(cgroup: string): void {
  for (const mount of cgroupMounts()) {
    let folder = mount;
    for (const part of cgroup.split('/').filter(Boolean)) {
      const parent = folder;
      folder = join(folder, part);
      mkdirSync(folder, { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const holds = join(folder, file);
        if (existsSync(holds) && readFileSync(holds, 'utf8').trim() === '')
          writeFileSync(holds, readFileSync(join(parent, file), 'utf8'));
      }
    }
  }
}

function kubeletConfig(cluster: ClusterPaths, node: NodePaths): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: node.cgroup,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    resolvConf: node.resolvConf,
    containerRuntimeEndpoint: `unix://${node.socket}`,
    imageMinimumGCAge: '24h',
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi' },
    podLogsDir: join(cluster.dir, 'pod-logs'),
    volumePluginDir: join(node.dir, 'plugins'),
    serializeImagePulls: false,
    healthzPort: 0,
  };
}

export function startKubelet(cluster: ClusterPaths, node: NodePaths, options: KubeletOptions): ProcessRef {
  makeCgroup(node.cgroup);
  mkdirSync(node.dir, { recursive: true });
  copyFileSync('/etc/resolv.conf', node.resolvConf);
  const config = join(node.dir, 'kubelet.json');
  const kubeconfig = join(node.dir, 'kubeconfig');
  writeFileSync(config, JSON.stringify(kubeletConfig(cluster, node)));
  writeFileSync(kubeconfig, JSON.stringify(tokenKubeconfig(options.server, options.token)), { mode: 0o600 });
  const words = [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${options.address}`,
    `--root-dir=${kubeletRoot(node)}`,
    `--cert-dir=${join(node.dir, 'pki')}`,
  ];
  const command = ['nsenter', `--net=${node.namespaceFile}`, program('kubelet'), ...words];
  return startDetached(command, logFile(cluster, `${node.name}/kubelet`));
}

/** Short, since sockets stand in it. */
const kubeletRoot = (node: NodePaths): string => join(node.dir, 'k');

const logLinks = '/var/log/containers';
/** Its device plugin socket stands there whatever its root folder is. */
const deviceFolder = '/var/lib/kubelet';

/** Call before kubelet starts; returns what takes away what kubelet puts at fixed places, and only what was not there before. */
export function keepFixedPlaces(cluster: ClusterPaths): () => void {
  const hadDevices = existsSync(deviceFolder);
  const hadLogs = existsSync(logLinks);
  return () => {
    if (!hadDevices) rmSync(deviceFolder, { recursive: true, force: true });
    if (!existsSync(logLinks)) return;
    for (const name of readdirSync(logLinks)) {
      const link = join(logLinks, name);
      if (readlinkSync(link).startsWith(cluster.dir)) unlinkSync(link);
    }
    if (!hadLogs && readdirSync(logLinks).length === 0) rmdirSync(logLinks);
  };
}
