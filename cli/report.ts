import { Failure } from '../local/failure.ts';
import { defaultName } from '../local/state/paths.ts';

/** Raised by Ctrl-C. */
export class Interrupted extends Error {}

/** Commands of other clusters than the default one carry its name: typed as they stand, they would change the wrong cluster. */
export const naming = (text: string, cluster: string | undefined): string =>
  cluster === undefined || cluster === defaultName
    ? text
    : text.replace(
        /\bslipway ((?:node|image) [a-z]+|up|down|status|logs)\b(?![^;,]* --(?:name|stack))/g,
        `slipway $1 --name ${cluster}`,
      );

/**
 * One clear line and a hint on standard error; returns the exit code. Only a mistake of Slipway's own shows a stack.
 * @param cluster which the command was about
 */
export function report(error: unknown, cluster?: string, output: NodeJS.WritableStream = process.stderr): number {
  if (error instanceof Interrupted) {
    output.write('slipway: interrupted\n');
    return 130;
  }
  if (error instanceof Failure) {
    output.write(`slipway: ${error.message}\n${error.hint ? `  hint: ${naming(error.hint, cluster)}\n` : ''}`);
    return error.exitCode;
  }
  const system = systemFailure(error);
  if (system) return report(system, cluster, output);
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
