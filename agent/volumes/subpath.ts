// subPath without escape: the path is resolved inside the volume, opened component by component without following links,
// and what was opened is what gets bind-mounted: swapping a folder for a link afterwards changes nothing.
import { chmodSync, closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { mount, mountsBelow } from './mounts.ts';

/** Linux' O_PATH, which Node does not name. */
const oPath = 0o10000000;

const within = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`);

/** Opens `path` below `root` without following any link; the caller closes the descriptor. */
function openBelow(root: string, path: string): number {
  let fd = openSync(root, oPath | constants.O_DIRECTORY);
  for (const part of relative(root, path).split('/').filter(Boolean)) {
    try {
      const next = openSync(`/proc/self/fd/${fd}/${part}`, oPath | constants.O_NOFOLLOW);
      closeSync(fd);
      fd = next;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    if (fstatSync(fd).isSymbolicLink()) {
      closeSync(fd);
      throw new Error(`subpath ${path} changed into a link while it was opened`);
    }
  }
  return fd;
}

/** Makes missing folders of the sub path, one by one, never through a link out of the volume. */
function makeFolders(root: string, subPath: string): void {
  let present = root;
  const mode = statSync(root).mode & 0o7777;
  for (const part of subPath.split('/').filter(Boolean)) {
    const next = join(present, part);
    try {
      mkdirSync(next);
      // As open as the volume itself, whatever the umask.
      chmodSync(next, mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    present = realpathSync(next);
    if (!within(root, present)) throw new Error(`subpath "${subPath}" not within volume path "${root}"`);
  }
}

/**
 * Bind-mounts `subPath` of the volume to `target` and returns the target.
 * @param create make missing folders (writable volumes)
 */
export async function bindSubPath(volume: string, subPath: string, target: string, create: boolean): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..'))
    throw new Error(`subPath "${subPath}" must be a relative path without '..'`);
  const root = realpathSync(volume);
  if (create) {
    try {
      realpathSync(join(root, subPath));
    } catch {
      makeFolders(root, subPath);
    }
  }
  const resolved = realpathSync(join(root, subPath));
  if (!within(root, resolved)) throw new Error(`subpath "${subPath}" not within volume path "${volume}"`);
  if ((await mountsBelow(target)).includes(target)) return target;
  const fd = openBelow(root, resolved);
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    if (fstatSync(fd).isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
    else await writeFile(target, '', { mode: 0o640 });
    await mount(['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${fd}`, target]);
  } finally {
    closeSync(fd);
  }
  return target;
}
