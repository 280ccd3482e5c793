// fsGroup: files of a volume belong to the group, which may read (and write) them; folders pass it on (setgid).
// https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const readWrite = 0o660;
const readOnlyMask = 0o440;
const executeMask = 0o110;
const setgid = 0o2000;

async function own(path: string, gid: number, readOnly: boolean): Promise<void> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) return lchown(path, info.uid, gid);
  await lchown(path, info.uid, gid);
  const mask = (readOnly ? readOnlyMask : readWrite) | (info.isDirectory() ? executeMask | setgid : 0);
  await chmod(path, (info.mode & 0o7777) | mask);
}

async function matches(path: string, gid: number, readOnly: boolean): Promise<boolean> {
  const info = await lstat(path);
  const mask = (readOnly ? readOnlyMask : readWrite) | executeMask | setgid;
  return info.gid === gid && (info.mode & mask) === mask;
}

/** Sets group and modes of everything below (never through links). `OnRootMismatch`: only if the root is not right yet. */
export async function applyFsGroup(folder: string, gid: number, readOnly: boolean, policy?: string): Promise<void> {
  if (policy === 'OnRootMismatch' && (await matches(folder, gid, readOnly))) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await applyFsGroup(path, gid, readOnly);
    else await own(path, gid, readOnly);
  }
  await own(folder, gid, readOnly);
}
