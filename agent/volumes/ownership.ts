// fsGroup: files of a volume belong to the group, which may read (and write) them; folders pass it on (setgid).
// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods
import { closeSync, fstatSync, type Stats } from 'node:fs';
import { chmod, chown, lchown, lstat, readdir } from 'node:fs/promises';
import { openAt, opened, openFolder } from './descriptors.ts';

const readWrite = 0o660;
const readOnlyMask = 0o440;
const executeMask = 0o110;
const setgid = 0o2000;
/** Each level holds a descriptor while those below it are looked at. */
const maxDepth = 512;

interface Wanted {
  gid: number;
  readOnly: boolean;
}

async function own(fd: number, info: Stats, { gid, readOnly }: Wanted): Promise<void> {
  await chown(opened(fd), info.uid, gid);
  const mask = (readOnly ? readOnlyMask : readWrite) | (info.isDirectory() ? executeMask | setgid : 0);
  await chmod(opened(fd), (info.mode & 0o7777) | mask);
}

async function matches(path: string, gid: number, readOnly: boolean): Promise<boolean> {
  const info = await lstat(path);
  const mask = (readOnly ? readOnlyMask : readWrite) | executeMask | setgid;
  return info.gid === gid && (info.mode & mask) === mask;
}

async function ownAll(folder: number, wanted: Wanted, depth: number): Promise<void> {
  if (depth > maxDepth) throw new Error(`folders are nested more than ${maxDepth} deep`);
  for (const name of await readdir(opened(folder))) {
    const fd = openAt(folder, name);
    if (fd === undefined) continue;
    try {
      const info = fstatSync(fd);
      if (info.isSymbolicLink()) await lchown(opened(folder, name), info.uid, wanted.gid);
      else if (info.isDirectory()) await ownAll(fd, wanted, depth + 1);
      else await own(fd, info, wanted);
    } finally {
      closeSync(fd);
    }
  }
  await own(folder, fstatSync(folder), wanted);
}

/**
 * Sets group and modes of everything below. `OnRootMismatch`: only if the root is not right yet. What is looked at is what is
 * changed: a container that swaps a file or folder for a link meanwhile changes nothing outside of its volume.
 */
export async function applyFsGroup(folder: string, gid: number, readOnly: boolean, policy?: string): Promise<void> {
  if (policy === 'OnRootMismatch' && (await matches(folder, gid, readOnly))) return;
  const fd = openFolder(folder);
  try {
    await ownAll(fd, { gid, readOnly }, 0);
  } finally {
    closeSync(fd);
  }
}
