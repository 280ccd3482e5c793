import { Failure } from '../local/failure.ts';

/** Raised by Ctrl-C. */
export class Interrupted extends Error {}

/** One clear line and a hint on standard error; returns the exit code. Only a mistake of Slipway's own shows a stack. */
export function report(error: unknown, output: NodeJS.WritableStream = process.stderr): number {
  if (error instanceof Interrupted) {
    output.write('slipway: interrupted\n');
    return 130;
  }
  if (error instanceof Failure) {
    output.write(`slipway: ${error.message}\n${error.hint ? `  hint: ${error.hint}\n` : ''}`);
    return error.exitCode;
  }
  const system = systemFailure(error);
  if (system) return report(system, output);
  output.write(`slipway: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something is down (status), 130 interrupted. */
export const somethingIsDown = 3;

const systemHints: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on the disk, or set SLIPWAY_HOME to a folder on another',
  EDQUOT: 'make room within the quota, or set SLIPWAY_HOME to a folder elsewhere',
  EROFS: 'set SLIPWAY_HOME to a folder that can be written',
  EACCES: 'run it as the user who owns that, or as root',
  EPERM: 'run it as root',
  EMFILE: 'raise the limit of open files: ulimit -n 65536',
};

/** What the system refused is nobody's mistake in the code: it is told without a stack. */
function systemFailure(error: unknown): Failure | undefined {
  const { code, syscall, message } = (error ?? {}) as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined && code in systemHints
    ? new Failure(message, systemHints[code])
    : undefined;
}
