// What an emulator of AWS is to the tests: an endpoint on loopback, and whether it streams responses.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** What emulators need is installed here once. */
export const cacheFolder = join(root, '.cache', 'emulators');

export interface Emulator {
  name: 'localstack' | 'ministack' | 'given';
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  /** Whether API Gateway streams a function's response. */
  streams: boolean;
  /** Process id and log file, of an emulator that was started here. */
  pid?: number;
  log?: string;
  stop(): Promise<void>;
}

export const region = 'us-east-1';
/** The account of both emulators when the access key says nothing else. */
export const account = '000000000000';

/** Environment in which the SDK, the CDK and functions talk to the emulator, and to nothing else. */
export function emulatorEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

export interface Program {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Made anew; the emulator keeps everything in it. */
  folder: string;
  /** Its input is open until it is stopped, or this process has ended, however that ends. */
  holdInput?: boolean;
  /** Removes what does not end with its processes. */
  remove?(): Promise<void>;
}

/** Starts a program in a process group of its own, waits until `endpoint` answers, warms it up, and gives what stops all of it. */
export async function startProgram(
  program: Program,
  endpoint: string,
  warmUp: () => Promise<void> = async () => undefined,
): Promise<Pick<Emulator, 'pid' | 'log' | 'stop'>> {
  mkdirSync(program.folder, { recursive: true });
  const log = join(program.folder, 'emulator.log');
  const output = openSync(log, 'a');
  // It ends with this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program.command, ...program.args], {
    env: program.env,
    cwd: program.folder,
    detached: true,
    stdio: [program.holdInput ? 'pipe' : 'ignore', output, output],
  });
  closeSync(output);
  const end = (): void => void signalGroup(child, 'SIGKILL');
  process.once('exit', end);
  const stop = async (): Promise<void> => {
    process.off('exit', end);
    await stopGroup(child);
    await program.remove?.();
    rmSync(program.folder, { recursive: true, force: true });
  };
  try {
    await answering(endpoint, child);
    await warmUp();
  } catch (error) {
    const tail = readFileSync(log, 'utf8').split('\n').slice(-20).join('\n');
    await stop();
    throw new Error(`${(error as Error).message}\n${tail}`);
  }
  return { pid: child.pid!, log, stop };
}

const startMs = 240_000;

async function answering(endpoint: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the emulator ended at its start');
    try {
      await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(2_000) });
      return;
    } catch {
      if (performance.now() > deadline) throw new Error(`the emulator does not answer within ${startMs / 1000} s`);
      await sleep(100);
    }
  }
}

/** To every process of the child's group that is still there. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-child.pid!, signal);
  } catch {
    return false;
  }
}

/** A polite end first, then a sure one: emulators leave functions behind, or stay. */
async function stopGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM');
  for (let waited = 0; waited < 30 && groupLives(child); waited++) await sleep(100);
  signalGroup(child, 'SIGKILL');
  for (let waited = 0; waited < 50 && groupLives(child); waited++) await sleep(20);
}

const groupLives = (child: ChildProcess): boolean => {
  try {
    return process.kill(-child.pid!, 0);
  } catch {
    return false;
  }
};
