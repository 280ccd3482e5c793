// Plays an instance's first minutes and its systemd, inside a network and a mount namespace of its own: the steps of
// worker/user-data.ts and of the units in worker/units.ts, with programs of this machine. Usage: instance-main.ts SETTINGS(JSON).
// Ends with everything that it started, by SIGTERM or when its parent's pipe closes.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleLocation } from '../../aws/worker-parameters.ts';
import { type RunResult, run, runOrFail } from '../../local/run.ts';
import { bundleName, paths, type WorkerSettings } from '../../worker/settings.ts';
import { fetchVersion } from '../../worker/update/fetch-version.ts';
import { joinSockets } from './join-sockets.ts';

export interface InstanceSettings {
  /** Everything that the instance writes is below it. */
  folder: string;
  worker: WorkerSettings;
  /** Lines of /etc/hosts. */
  hosts: string;
  /** The emulator has the same address for everybody: its loopback is forwarded to this machine's. */
  emulator: { port: number; at: { host: string; port: number } };
  /** Cgroup of its pods: several instances share this machine. */
  cgroupRoot: string;
}

/** Where an instance writes: each is a folder of its own, put over the machine's. */
const own = [
  '/etc/slipway',
  '/var/lib/slipway',
  '/opt/slipway',
  '/run/slipway',
  '/run/containerd',
  '/var/lib/containerd',
  '/var/lib/cni',
  '/var/log/pods',
  '/etc/containerd',
];

const settings = JSON.parse(process.argv[2]!) as InstanceSettings;
const { folder, worker } = settings;
const log = (text: string): void => console.log(`instance: ${text}`);
let over = false;
const children = new Set<ChildProcess>();

/** Never blocks: the loopback of the instance is forwarded by this very process. */
const must = runOrFail;

async function takePlaces(): Promise<void> {
  // What is mounted here is seen by what is started here, and by nobody else.
  await must('mount', ['--make-rslave', '/']);
  for (const place of own) {
    mkdirSync(join(folder, place), { recursive: true });
    mkdirSync(place, { recursive: true });
    await must('mount', ['--bind', join(folder, place), place]);
    await must('mount', ['--make-rshared', place]);
  }
  writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost\n${settings.hosts}\n`);
  await must('mount', ['--bind', join(folder, 'hosts'), '/etc/hosts']);
}

/** As the steps of user data: the settings, the bundle that the cluster names, the files that are the same everywhere. */
async function becomeWorker(): Promise<void> {
  mkdirSync(dirname(paths.settings), { recursive: true });
  writeFileSync(paths.settings, JSON.stringify(worker));
  const { version } = await bundleLocation(worker.region, worker.parameters);
  await fetchVersion(worker, version, `${paths.versions}/${version}`);
  if (!existsSync(paths.current)) symlinkSync(`versions/${version}`, paths.current);
  log(`version ${version}`);
}

const bundle = `${paths.current}/${bundleName}`;

/** As slipway-setup.service; and what differs between a machine and an instance. */
async function configure(): Promise<void> {
  await must(process.execPath, [bundle, 'configure']);
  const config = JSON.parse(readFileSync(paths.agentConfig, 'utf8')) as Record<string, unknown>;
  config['cgroupRoot'] = settings.cgroupRoot;
  config['identity'] = { ...(config['identity'] as object), endpoint: process.env['AWS_ENDPOINT_URL'] };
  // There is no systemd-resolved.
  config['resolvConf'] = '/etc/resolv.conf';
  writeFileSync(paths.agentConfig, JSON.stringify(config));
  // Nor the right to make a process less likely to be killed, on many machines.
  const toml = readFileSync(paths.containerdConfig, 'utf8');
  writeFileSync(
    paths.containerdConfig,
    toml.replace('restrict_oom_score_adj = false', 'restrict_oom_score_adj = true'),
  );
  await must('nft', ['-f', paths.networkRules]);
}

/** Restart=always. */
async function keep(name: string, command: string, args: string[], before: () => Promise<void>): Promise<void> {
  if (over) return;
  try {
    await before();
  } catch (error) {
    log(`${name}: ${(error as Error).message}`);
    setTimeout(() => void keep(name, command, args, before), 2_000);
    return;
  }
  const output = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(command, args, { stdio: ['ignore', output, output] });
  writeFileSync(join(folder, `${name}.pid`), String(child.pid));
  children.add(child);
  child.once('exit', (code, signal) => {
    children.delete(child);
    log(`${name} ended: ${signal ?? code}`);
    setTimeout(() => void keep(name, command, args, before), 200);
  });
}

const ctr = (...args: string[]): Promise<RunResult> =>
  run('ctr', ['--address', paths.containerdSocket, '--namespace', 'k8s.io', ...args]);
const listed = async (...args: string[]): Promise<string[]> =>
  (await ctr(...args)).stdout.split('\n').filter((line) => line !== '');

/** Who presents an identity says where STS is: the same place for the API and for the instance. */
function forwardLoopback({ port, at }: InstanceSettings['emulator']): void {
  createServer((outer) => joinSockets(outer, connect(at))).listen(port, '127.0.0.1');
}

async function start(): Promise<void> {
  await takePlaces();
  forwardLoopback(settings.emulator);
  for (let tries = 1; ; tries++) {
    try {
      await becomeWorker();
      await must(process.execPath, [bundle, 'install']);
      await configure();
      break;
    } catch (error) {
      if (tries === 5) throw error;
      log(`${(error as Error).message} (try ${tries})`);
      await sleep(1_000);
    }
  }
  await keep('containerd', 'containerd', ['--config', paths.containerdConfig], async () => undefined);
  while ((await ctr('version')).code !== 0) await sleep(50);
  await keep('agent', process.execPath, ['--max-semi-space-size=1', bundle, 'run'], async () => {
    await must(paths.guard, []);
    await configure();
    await must('ctr', [
      '--address',
      paths.containerdSocket,
      '--namespace',
      'k8s.io',
      'images',
      'import',
      paths.pauseArchive,
    ]);
  });
  log('running');
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once('exit', resolve));
}

/** The agent, then every container, then containerd: nothing of a terminated instance goes on. */
async function stop(): Promise<void> {
  if (over) return;
  over = true;
  const [containerd, agent] = [...children];
  agent?.kill('SIGKILL');
  const tasks = await listed('task', 'ls', '-q');
  await Promise.all(tasks.map((task) => ctr('task', 'kill', '--signal', 'SIGKILL', task)));
  await Promise.all(tasks.map((task) => ctr('task', 'rm', '--force', task)));
  await Promise.all((await listed('container', 'ls', '-q')).map((container) => ctr('container', 'rm', container)));
  containerd?.kill('SIGTERM');
  await Promise.all([containerd, agent].filter((child) => child !== undefined).map(ended));
  process.exit(0);
}

process.on('SIGTERM', () => void stop());
process.stdin.on('end', () => void stop()).resume();
await start();
