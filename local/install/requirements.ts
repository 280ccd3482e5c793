// What real containers need on a machine, and which Debian package brings it.
import { existsSync } from 'node:fs';
import { cniPlugins, which } from '../../agent/containerd/programs.ts';

export interface Requirement {
  what: string;
  /** Debian's package. */
  package: string;
  present: () => boolean;
}

const program = (name: string, of: string): Requirement => ({
  what: name,
  package: of,
  present: () => which(name) !== undefined,
});

export const requirements: readonly Requirement[] = [
  program('containerd', 'containerd'),
  program('ctr', 'containerd'),
  program('runc', 'runc'),
  { what: 'CNI plugins', package: 'containernetworking-plugins', present: () => cniPlugins() !== undefined },
  program('nft', 'nftables'),
  program('iptables', 'iptables'), // the portmap plugin calls it
  program('conntrack', 'conntrack'),
  program('ip', 'iproute2'),
  program('nsenter', 'util-linux'),
];

/** Of a cluster that is to have a registry of its own. */
export const registryRequirement: Requirement = program('docker-registry', 'docker-registry');

const libraryFolders = [`/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`, '/usr/lib64'];

/** Where jemalloc is, with which the control plane is faster (control-plane-heap.ts). undefined: it is not on this machine. */
export const allocatorFile = (): string | undefined =>
  libraryFolders.map((folder) => `${folder}/libjemalloc.so.2`).find((file) => existsSync(file));

/** Not needed: a cluster runs without it. */
export const allocatorWish: Requirement = {
  what: 'jemalloc',
  package: 'libjemalloc2',
  present: () => allocatorFile() !== undefined,
};

export const missing = (list: readonly Requirement[] = requirements): Requirement[] =>
  list.filter((requirement) => !requirement.present());

export const packagesOf = (list: readonly Requirement[]): string[] => [
  ...new Set(list.map((requirement) => requirement.package)),
];
