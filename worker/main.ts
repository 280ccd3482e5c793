// The worker's program (one bundle, worker/bundle.ts): slipway-worker.cjs install | configure | run [--root FOLDER].
import { realpathSync } from 'node:fs';
import { readConfig } from '../agent/config.ts';
import { jsonLog } from '../agent/log.ts';
import { startNode } from '../agent/node.ts';
import { machinePorts } from '../agent/node-ports.ts';
import { startGivingBackMemory } from '../agent/quiet-memory.ts';
import type { NodeSyncResponse } from '../core/api/node-sync.ts';
import type { Log } from '../core/ports.ts';
import { configure, install, readSettings } from './configure.ts';
import { paths } from './settings.ts';
import { UpdateDisk } from './update/disk.ts';
import { fetchVersion } from './update/fetch-version.ts';
import { UpdateLock } from './update/lock.ts';
import { Updater } from './update/updater.ts';

const usage = `usage: slipway-worker COMMAND [--root FOLDER]
  install     write what is the same on every worker: units, guard, what the kernel needs
  configure   write what this instance and its cluster say: the agent's and containerd's configuration
  run         the agent, which also updates itself
FOLDER stands before every path but those of programs and of the agent's own configuration.
`;

async function run(root: string, log: Log): Promise<void> {
  process.umask(0o022);
  // A rejection that nobody waits for is a fault about one pod, not a reason to leave all pods of the node alone.
  process.on('unhandledRejection', (error) =>
    log('error', 'unhandled rejection', { error: (error as Error)?.stack ?? String(error) }),
  );
  const settings = readSettings(root);
  const config = readConfig(`${root}${paths.agentConfig}`);
  const disk = new UpdateDisk(root);
  const running = disk.running(realpathSync(process.argv[1]!));
  let updater: Updater | undefined;
  const answered = (answer: NodeSyncResponse): void => updater?.answered(answer);
  const { agent, client, tell } = await startNode(config, log, answered);
  const stop = (code: number): void => {
    updater?.close();
    void agent.close().finally(() => process.exit(code));
  };
  if (running) {
    updater = new Updater({
      running,
      nodeName: config.nodeName,
      client,
      disk,
      lock: new UpdateLock(client, config.nodeName, () => Date.now()),
      pods: () => [...agent.workers()].filter((worker) => !worker.over).map((worker) => worker.pod),
      fetch: (version) => fetchVersion(settings, version, disk.versionFolder(version)),
      tell,
      exit: stop,
      clock: machinePorts(log).clock,
      log,
    });
    updater.start();
  }
  process.on('SIGTERM', () => stop(0));
  process.on('SIGINT', () => stop(0));
  startGivingBackMemory();
}

async function main(args: readonly string[]): Promise<void> {
  const [command, flag, folder] = args;
  if (command === '--help') {
    process.stdout.write(usage);
    return;
  }
  const root = flag === '--root' ? folder : '';
  const log = jsonLog(process.env['SLIPWAY_DEBUG'] ? 'debug' : 'info', {});
  const known = args.length === (flag === undefined ? 1 : 3) && root !== undefined;
  if (known && command === 'install') return install(root);
  if (known && command === 'configure') return configure(root, { log });
  if (known && command === 'run') return run(root, log);
  process.stderr.write(usage);
  process.exitCode = 2;
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`slipway-worker: ${error.message}\n`);
  process.exitCode = 1;
});
