import { readFileSync } from 'node:fs';
import { run } from '../run.ts';

/** Mount points at or below the folders, the last mounted first (proc(5), /proc/self/mountinfo). */
export function mountsBelow(
  folders: readonly string[],
  table = readFileSync('/proc/self/mountinfo', 'utf8'),
): string[] {
  return table
    .split('\n')
    .flatMap(
      (line) =>
        line
          .split(' ')[4]
          ?.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) ?? [],
    )
    .filter((point) => folders.some((folder) => point === folder || point.startsWith(`${folder}/`)))
    .reverse();
}

/** Returns what is still mounted. A mount that is busy for good is detached: it goes when its last user does. */
export async function unmountBelow(folders: readonly string[]): Promise<string[]> {
  for (const options of [[], ['--lazy']]) {
    const mounts = mountsBelow(folders);
    if (mounts.length === 0) return [];
    // in portions, since an argument list is limited
    for (let i = 0; i < mounts.length; i += 200) await run('umount', [...options, ...mounts.slice(i, i + 200)]);
  }
  return mountsBelow(folders);
}
