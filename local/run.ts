// Runs a program of the system to its end.
import { spawn } from 'node:child_process';
import { Failure } from './failure.ts';

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  signal?: AbortSignal;
}

/** Never rejects for an exit code; rejects with Failure when the program is not there. A process ended by a signal has code 128. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      cwd: options.cwd,
      signal: options.signal,
      detached: true, // Ctrl-C is ours to act on: it must not reach a program half way through its work
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new Failure(`the program "${command}" is not on this machine`, 'slipway doctor says what is missing')
          : error,
      );
    });
    child.on('close', (code) =>
      resolve({ code: code ?? 128, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    );
    if (options.input !== undefined) child.stdin!.end(options.input);
  });
}

/** The output; throws Failure with the program's own words when it fails. */
export async function runOrFail(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    throw new Failure(
      `${command} ${args.join(' ')}: ${(result.stderr || result.stdout).trim() || `exit code ${result.code}`}`,
    );
  }
  return result.stdout;
}
