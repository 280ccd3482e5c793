// The control plane process: `node control-plane-main.ts CONFIG.json`. Runs until SIGTERM or SIGINT.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { startGivingBackMemory } from '../agent/quiet-memory.ts';
import type { Log } from '../core/ports.ts';
import type { ControlPlaneConfig, ControlPlaneReady } from './config.ts';
import { exitCodes } from './config.ts';
import type { ControlPlane } from './control-plane.ts';
import { openLog } from './log-file.ts';
import { writePrivately } from './private-file.ts';

const startedAtMs = Date.now();

const required = [
  'name',
  'dataDirectory',
  'listen',
  'serviceCidr',
  'podCidr',
  'advertise',
  'clusterDomain',
  'pidFile',
  'readyFile',
] as const;

function readConfig(file: string | undefined): ControlPlaneConfig {
  if (!file) throw new Error('usage: control-plane-main.ts CONFIG.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as ControlPlaneConfig;
  for (const field of required) if (config[field] === undefined) throw new Error(`${file}: "${field}" is missing`);
  if (config.listen.length === 0) throw new Error(`${file}: "listen" is empty`);
  return config;
}

/** What went wrong as an exit code; those who start the process tell the user. */
const exitCodeOf = (error: unknown): number => {
  switch ((error as Error).name) {
    case 'PortInUse':
      return exitCodes.portInUse;
    case 'DataDirectoryInUse':
      return exitCodes.dataDirectoryInUse;
    case 'DataDirectoryNewer':
      return exitCodes.dataDirectoryNewer;
    default:
      return exitCodes.failed;
  }
};

function fail(error: unknown, code: number): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(code);
}

function loadConfig(): ControlPlaneConfig {
  try {
    return readConfig(process.argv[2]);
  } catch (error) {
    return fail(error, exitCodes.configuration);
  }
}

async function start(config: ControlPlaneConfig, log: Log): Promise<ControlPlane> {
  try {
    const { startControlPlane } = await import('./control-plane.ts');
    return await startControlPlane(config, log);
  } catch (error) {
    log('error', 'start-failed', { error: error instanceof Error ? error.stack : String(error) });
    rmSync(config.pidFile, { force: true });
    return fail(error, exitCodeOf(error));
  }
}

function announce(config: ControlPlaneConfig, { addresses, files }: ControlPlane, log: Log): void {
  const ready: ControlPlaneReady = {
    pid: process.pid,
    startedAtMs,
    readyAfterMs: Math.round(performance.now()),
    server: `https://${addresses[0]!.host}:${addresses[0]!.port}`,
    files,
  };
  writePrivately(config.readyFile, `${JSON.stringify(ready)}\n`);
  log('info', 'ready', { server: ready.server, readyAfterMs: ready.readyAfterMs });
}

process.umask(0o077);
const config = loadConfig();
mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 });
mkdirSync(dirname(config.pidFile), { recursive: true });
const { log } = openLog(config.logFile, config.logLevel ?? 'info');
rmSync(config.readyFile, { force: true });
writePrivately(config.pidFile, `${process.pid}\n`);
log('info', 'starting', { pid: process.pid, node: process.version });

// A rejection that nobody waits for is a fault of one request or one controller, not a reason to end the others.
process.on('unhandledRejection', (error) =>
  log('error', 'unhandled-rejection', { error: (error as Error)?.stack ?? String(error) }),
);

let stopping = false;
let running: ControlPlane | undefined;
const stop = async (signal: NodeJS.Signals): Promise<void> => {
  if (stopping) return;
  stopping = true;
  log('info', 'stopping', { signal });
  await running?.stop();
  rmSync(config.readyFile, { force: true });
  rmSync(config.pidFile, { force: true });
  log('info', 'stopped');
  process.exit(0);
};
process.on('SIGTERM', (signal) => void stop(signal));
process.on('SIGINT', (signal) => void stop(signal));
// Its terminal may go away; it runs on.
process.on('SIGHUP', () => undefined);

running = await start(config, log);
announce(config, running, log);
// The next start is faster (NODE_COMPILE_CACHE), even if this process is killed and never gets to write its cache at the end.
setTimeout(flushCompileCache, 2_000).unref();
startGivingBackMemory();
