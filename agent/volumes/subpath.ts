// subPath without escape: the path is resolved inside the volume, opened component by component without following links,
// and what was opened is what gets bind-mounted: swapping a folder for a link afterwards changes nothing.
import { chmodSync, closeSync, fstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openAt, opened, openFolder } from './descriptors.ts';
import { mount, mountsBelow } from './mounts.ts';

const within = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`);

/** From the folder to a name in it, which must be no link. The caller closes both. */
function step(folder: number, name: string): number {
  const next = openAt(folder, name);
  if (next === undefined) throw new Error(`subpath: ${name} went away while it was opened`);
  if (!fstatSync(next).isSymbolicLink()) return next;
  closeSync(next);
  throw new Error(`subpath: ${name} changed into a link while it was opened`);
}

/** Opens `path` below `root` without following any link; the caller closes the descriptor. */
function openBelow(root: string, path: string): number {
  let fd = openFolder(root);
  for (const part of relative(root, path).split('/').filter(Boolean)) {
    const folder = fd;
    try {
      fd = step(folder, part);
    } finally {
      closeSync(folder);
    }
  }
  return fd;
}

/** False when something is there already. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Makes missing folders of the sub path, one by one, never through a link out of the volume. */
function makeFolders(root: string, subPath: string): void {
  const missing = subPath.split('/').filter((part) => part !== '' && part !== '.');
  let present = root;
  while (missing.length > 0) {
    try {
      present = realpathSync(join(present, missing[0]!));
    } catch {
      break;
    }
    if (!within(root, present)) throw new Error(`subpath "${subPath}" not within volume path "${root}"`);
    missing.shift();
  }
  let fd = openBelow(root, present);
  try {
    const { mode } = statSync(root);
    for (const part of missing) {
      const made = makeFolder(opened(fd, part));
      const next = step(fd, part);
      closeSync(fd);
      fd = next;
      // As open as the volume itself, whatever the umask.
      if (made) chmodSync(opened(fd), mode & 0o7777);
    }
  } finally {
    closeSync(fd);
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
