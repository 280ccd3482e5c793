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
  output.write(`slipway: ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something is down (status), 130 interrupted. */
export const somethingIsDown = 3;
