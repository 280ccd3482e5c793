// Mounts of this machine: what is mounted below a folder, and mounting and unmounting by the system's own programs.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const unescaped = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Mount points at or below the folder, innermost first. */
export async function mountsBelow(folder: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const points = table
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((point) => point === folder || point.startsWith(`${folder}/`));
  return points.reverse();
}

export async function mount(args: string[]): Promise<void> {
  try {
    await run('mount', args);
  } catch (error) {
    throw new Error(`mount failed: ${(error as { stderr?: string }).stderr?.trim() || (error as Error).message}`);
  }
}

/** Unmounts everything at or below the folder; a busy mount is detached and goes when its last user does. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of await mountsBelow(folder)) {
    try {
      await run('umount', ['--', point]);
    } catch {
      await run('umount', ['-l', '--', point]).catch(() => undefined);
    }
  }
  const left = await mountsBelow(folder);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
}
