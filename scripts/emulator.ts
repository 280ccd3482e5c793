// npm run emulator [-- --emulator localstack|ministack] [--detach] | stop: a cluster on an emulator of AWS, until Ctrl-C.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { run } from '../local/run.ts';
import { chooseEmulator } from '../test/emulator/choose.ts';
import { EmulatedCluster } from '../test/emulator/cluster.ts';
import { cacheFolder, region } from '../test/emulator/emulator.ts';

const state = join(cacheFolder, 'running');
const pidFile = join(state, 'pid');
const logFile = join(state, 'log');
const readyFile = join(state, 'ready');

const say = (text: string): void => console.log(text);

function running(): number | undefined {
  if (!existsSync(pidFile)) return undefined;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  try {
    // The number may be another program's by now.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('scripts/emulator.ts') ? pid : undefined;
  } catch {
    return undefined;
  }
}

interface Options {
  emulator?: 'localstack' | 'ministack';
  detach?: boolean;
}

async function start(options: Options): Promise<void> {
  const pid = running();
  if (pid !== undefined) return say(`it runs already (process ${pid}): npm run emulator -- stop`);
  rmSync(state, { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  if (options.detach) return await detached(options);
  writeFileSync(pidFile, String(process.pid));
  await stay(options);
}

/** The same in the background, until it says that it is ready. */
async function detached({ emulator }: Options): Promise<void> {
  const log = openSync(logFile, 'a');
  const flags = emulator ? ['--emulator', emulator] : [];
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...flags, '--inside'], {
    detached: true,
    stdio: ['ignore', log, log],
  });
  let over = false;
  child.once('exit', () => {
    over = true;
  });
  child.unref();
  for (let told = 0; ; await sleep(200)) {
    const text = readFileSync(logFile, 'utf8');
    process.stdout.write(text.slice(told));
    told = text.length;
    if (existsSync(readyFile)) return say(`\nIt goes on in the background (process ${child.pid}).`);
    if (over) {
      process.exitCode = 1;
      return;
    }
  }
}

async function stop(): Promise<void> {
  const pid = running();
  if (pid === undefined) return say('it is not running');
  process.kill(pid, 'SIGTERM');
  while (running() === pid) await sleep(200);
  rmSync(state, { recursive: true, force: true });
  say('the emulator is stopped, and nothing of it is left');
}

async function stay(options: Options): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  const emulator = await chooseEmulator({ wanted: options.emulator, say });
  let cluster: EmulatedCluster | undefined;
  try {
    cluster = await EmulatedCluster.deployTo(emulator, 'slipway', join(state, 'cluster'), say);
    await Promise.race([serve(cluster), ended]);
    await ended;
    say('\nstopping');
  } finally {
    await cluster?.remove();
    await emulator.stop();
    await run('kubectl', ['config', 'delete-context', `slipway.${region}`]).catch(() => undefined);
    rmSync(readyFile, { force: true });
    rmSync(pidFile, { force: true });
  }
}

async function serve(cluster: EmulatedCluster): Promise<void> {
  if (process.getuid?.() === 0) {
    say('a worker is started');
    const instance = await cluster.startInstance();
    await cluster.untilReady(instance.id);
    await cluster.importSample(instance);
  } else say('no worker: that needs root (sudo npm run emulator)');
  say(`
The cluster answers at the kubectl context ${cluster.context}:

  export KUBECONFIG=${cluster.kubeconfig}
  kubectl get nodes
  kubectl create deployment hello --image slipway/sample:1
  kubectl logs -f deployment/hello

The emulator is at AWS_ENDPOINT_URL=${cluster.emulator.endpoint}. Ctrl-C, or npm run emulator -- stop, ends everything.`);
  writeFileSync(readyFile, '');
}

const program = new Command('npm run emulator --')
  .description('a cluster on an emulator of AWS')
  .addOption(new Option('--emulator <name>', 'which one').choices(['localstack', 'ministack']))
  .option('--detach', 'return, and go on in the background')
  .addOption(new Option('--inside').hideHelp())
  .action((options: Options & { inside?: boolean }) => (options.inside ? insideDetached(options) : start(options)));
program.command('stop').description('end it, and remove everything of it').action(stop);

async function insideDetached(options: Options): Promise<void> {
  writeFileSync(pidFile, String(process.pid));
  await stay(options);
}

await program.parseAsync();
process.exit();
