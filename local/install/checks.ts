// What `slipway doctor` looks at. A check never changes the machine.
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { cniPlugins, which } from '../../agent/containerd/programs.ts';
import { freshTable, tableName, toEndpoint } from '../../agent/net/services/table.ts';
import { portIsFree } from '../cluster/control-plane-part.ts';
import { firstPort } from '../cluster/plan.ts';
import { choosePlan } from '../network/addresses.ts';
import { hasDefaultRoute, machineRoutes } from '../network/network.ts';
import { cgroupMounts } from '../remains/cgroups.ts';
import { run } from '../run.ts';
import { isDebian } from './debian.ts';
import { allocatorFile, allocatorWish, missing, packagesOf, registryRequirement } from './requirements.ts';

export interface Finding {
  check: string;
  /** 'wrong' keeps real containers from running; 'note' does not. */
  result: 'ok' | 'note' | 'wrong';
  detail: string;
  mend?: string;
}

type Answer = Omit<Finding, 'check'>;

const ok = (detail: string): Answer => ({ result: 'ok', detail });
const note = (detail: string, mend?: string): Answer => ({ result: 'note', detail, mend });
const wrong = (detail: string, mend: string): Answer => ({ result: 'wrong', detail, mend });

const checks: Record<string, (home: string) => Answer | Promise<Answer>> = {
  'operating system': () =>
    process.platform === 'linux'
      ? ok(kernel())
      : wrong(`this is ${process.platform}`, 'use Linux, or: slipway up --runtime simulated'),
  processor: () =>
    process.arch === 'x64' || process.arch === 'arm64'
      ? ok(process.arch)
      : wrong(process.arch, 'use x86-64 or arm64: the pause program exists for these'),
  root: () => {
    if (process.getuid?.() === 0) return ok('running as root');
    return which('sudo')
      ? ok('sudo is there')
      : wrong('neither root nor sudo', 'run as root, install sudo, or: slipway up --runtime simulated');
  },
  packages: () => {
    const lacking = missing();
    if (lacking.length === 0) return ok('containerd, runc, CNI plugins, nftables, iptables, conntrack, iproute2');
    const command = `apt-get install --no-install-recommends ${packagesOf(lacking).join(' ')}`;
    return wrong(
      `missing: ${lacking.map((one) => one.what).join(', ')}`,
      isDebian() ? `slipway up installs them, or: ${command}` : 'install them',
    );
  },
  containerd: () =>
    programVersion(
      'containerd',
      ['--version'],
      /(\d+)\.(\d+)\.\d+/,
      (major, minor) => major > 1 || minor >= 6,
      'version 1.6 or later is needed',
    ),
  runc: () =>
    programVersion('runc', ['--version'], /(\d+)\.(\d+)\.\d+/, (major) => major >= 1, 'version 1.0 or later is needed'),
  'CNI plugins': () => {
    const folder = cniPlugins();
    return folder
      ? ok(folder)
      : wrong('bridge and host-local are missing', 'apt-get install containernetworking-plugins');
  },
  registry: () =>
    registryRequirement.present()
      ? ok('docker-registry is there: slipway up --registry uses it')
      : note('docker-registry is not on this machine', 'slipway up --registry installs it'),
  malloc: () => {
    const file = allocatorFile();
    return file
      ? ok(`jemalloc (${file})`)
      : note(
          'jemalloc is not on this machine: the control plane is slower',
          `apt-get install ${allocatorWish.package}`,
        );
  },
  cgroups: cgroupsAnswer,
  overlayfs: () =>
    /\boverlay$/m.test(procFile('filesystems'))
      ? ok('in the kernel')
      : note('not loaded', 'slipway up tries: modprobe overlay'),
  namespaces: () => {
    const lacking = ['net', 'pid', 'mnt', 'ipc', 'uts'].filter((name) => !existsSync(`/proc/self/ns/${name}`));
    return lacking.length === 0
      ? ok('net, pid, mnt, ipc, uts')
      : wrong(`the kernel lacks ${lacking.join(', ')}`, 'use a kernel with namespaces');
  },
  'bridge, veth, nftables': networkAnswer,
  services: servicesAnswer,
  'bridged packets': () =>
    existsSync('/proc/sys/net/bridge')
      ? ok('service rules see them')
      : note('br_netfilter is not loaded', 'slipway up tries: modprobe br_netfilter'),
  addresses: async () => {
    if (!which('ip')) return wrong('cannot tell without the program ip', 'apt-get install iproute2');
    const plan = choosePlan({ routes: await machineRoutes(), taken: [] });
    return ok(`a new cluster would take ${plan.cluster} and ${plan.services}`);
  },
  port: async () =>
    (await portIsFree(firstPort))
      ? ok(`${firstPort} is free`)
      : note(`${firstPort} is in use (by a cluster?)`, 'a new cluster takes the next free one, or --port NUMBER'),
  'way out': async () =>
    which('ip') && (await hasDefaultRoute())
      ? ok('there is a default route: slipway up --egress can use it')
      : note('no default route', 'images must be loaded with slipway image load'),
  'disk space': (home) => {
    const disk = statfsSync(existingParent(home));
    const gigabytes = (disk.bavail * disk.bsize) / 1e9;
    return gigabytes >= 2
      ? ok(`${gigabytes.toFixed(0)} GB free for ${home}`)
      : wrong(`${gigabytes.toFixed(1)} GB free for ${home}`, 'make room, or set SLIPWAY_HOME to another disk');
  },
  'open files': () => {
    const limit = /^Max open files\s+(\d+)/m.exec(procFile('self/limits'))?.[1] ?? '0';
    return Number(limit) >= 4096 ? ok(limit) : note(`${limit} for a process`, 'ulimit -n 65536');
  },
  kubectl: () =>
    programVersion(
      'kubectl',
      ['version', '--client'],
      /v(\d+)\.(\d+)/,
      (_, minor) => minor >= 27,
      'version 1.27 or later is tested',
      true,
    ),
  clock: () => {
    const year = new Date().getFullYear();
    return year >= 2025
      ? ok(new Date().toISOString())
      : wrong(
          `says ${new Date().toISOString()}: certificates would not be valid`,
          'set the time: timedatectl set-ntp true',
        );
  },
};

/** In order; a check that fails itself counts as wrong. */
export async function examine(home: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, look] of Object.entries(checks)) {
    try {
      findings.push({ check, ...(await look(home)) });
    } catch (error) {
      findings.push({ check, ...wrong((error as Error).message, 'see the message') });
    }
  }
  return findings;
}

const procFile = (name: string): string => {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch {
    return '';
  }
};

const kernel = (): string => `Linux ${procFile('sys/kernel/osrelease').trim()}`;

const existingParent = (folder: string): string =>
  existsSync(folder) ? folder : existingParent(folder.slice(0, folder.lastIndexOf('/')) || '/');

async function programVersion(
  name: string,
  args: string[],
  pattern: RegExp,
  enough: (major: number, minor: number) => boolean,
  need: string,
  optional = false,
): Promise<Answer> {
  const file = which(name);
  const absent = optional ? note : wrong;
  if (!file)
    return absent(
      'not on this machine',
      name === 'kubectl' ? 'https://kubernetes.io/docs/tasks/tools/' : `apt-get install ${name}`,
    );
  const { stdout } = await run(file, args);
  const match = pattern.exec(stdout);
  if (!match) return note(`${file} does not say its version`);
  return enough(Number(match[1]), Number(match[2])) ? ok(`${match[0]} (${file})`) : absent(match[0], need);
}

/** What of cpu, memory and pids can be limited, in version 1 or 2. */
function cgroupsAnswer(): Answer {
  if (process.platform !== 'linux') return wrong('none', 'use Linux');
  const needed = ['cpu', 'memory', 'pids'];
  const controllers = new Set<string>();
  let version = '1';
  for (const mount of cgroupMounts()) {
    if (existsSync(`${mount}/cgroup.controllers`)) {
      const names = readFileSync(`${mount}/cgroup.controllers`, 'utf8').trim().split(/\s+/).filter(Boolean);
      if (needed.every((name) => names.includes(name))) version = '2';
      for (const name of names) controllers.add(name);
    } else for (const name of (mount.split('/').at(-1) ?? '').split(',')) controllers.add(name);
  }
  const lacking = needed.filter((name) => !controllers.has(name));
  return lacking.length === 0
    ? ok(`version ${version}, with cpu, memory, pids`)
    : wrong(`without ${lacking.join(', ')}`, 'mount them, or enable them on the kernel command line');
}

/** Tried in a namespace that goes away with the process. */
async function networkAnswer(): Promise<Answer> {
  if (process.getuid?.() !== 0) return note('not tried: that needs root', 'sudo npx slipway doctor');
  if (!which('ip') || !which('nft')) return wrong('cannot be tried without ip and nft', 'slipway up installs them');
  const script =
    'ip link add bridge0 type bridge && ip link add veth0 type veth peer name veth1 && nft add table ip slipway-doctor';
  const result = await run('unshare', ['--net', 'sh', '-c', script]);
  return result.code === 0
    ? ok('work')
    : wrong(result.stderr.trim().split('\n')[0] ?? 'failed', 'use a kernel with bridge, veth and nf_tables');
}

/** The fixed part of a node's rules and one more, taken by the kernel in a namespace that goes away with the process. */
async function servicesAnswer(): Promise<Answer> {
  if (process.getuid?.() !== 0) return note('not tried: that needs root', 'sudo npx slipway doctor');
  if (!which('nft')) return wrong('cannot be tried without nft', 'slipway up installs it');
  const node = { name: '', zone: undefined, address: '10.64.0.11', podRange: '10.64.17.0/24', serviceRange: undefined };
  const balanced = `add rule ip ${tableName} services ct mark set numgen random mod 2 goto ${toEndpoint}`;
  const result = await run('unshare', ['--net', 'nft', [...freshTable(node), balanced].join('\n')]);
  return result.code === 0
    ? ok('the kernel takes their rules')
    : wrong(
        result.stderr.trim().split('\n')[0] ?? 'failed',
        'use Linux 5.13 or later with nf_tables: nat, masquerade, reject, fib, numgen',
      );
}
