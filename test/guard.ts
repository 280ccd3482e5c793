// What a test puts on the machine goes with the test, also when that is broken off: a process of its own waits for the test's end.
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** A line means that there is nothing to do; the end of the input, that whoever held its other end has ended or asks for it. */
const script = 'read -r told || exec "$@"';

export interface Guard {
  /** Runs the command now. Rejects unless it ends with exit code 0. */
  clear(): Promise<void>;
  /** There is nothing left for the command to do. */
  dismiss(): Promise<void>;
}

/** Has the command run when this process ends, however it does (SIGKILL is one way), unless it was `clear`ed or `dismiss`ed before. */
export function guard(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Guard {
  const watcher = spawn('sh', ['-c', script, 'guard', ...command], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  });
  watcher.unref();
  (watcher.stdin as Socket).unref();
  const ended = new Promise<number | null>((resolve) => watcher.once('exit', resolve));
  const finish = async (told: string): Promise<void> => {
    watcher.ref();
    watcher.stdin!.end(told);
    const code = await ended;
    if (code !== 0) throw new Error(`${command.join(' ')}: exit code ${code}`);
  };
  return { clear: () => finish(''), dismiss: () => finish('\n') };
}
