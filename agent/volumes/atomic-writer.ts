// Files of config map, secret, downward API and projected volumes. A reader sees all of the old or all of the new ones:
// `..data` is a link to the present folder, every name a link into `..data`, and only `..data` is ever swapped.
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

export interface ProjectedFile {
  data: Buffer | string;
  mode: number;
  /** Owner, when it is not root. */
  uid?: number;
}

export type Payload = Map<string, ProjectedFile>;

const dataLink = '..data';

/** `./a//b` is `a/b`, as a kubelet has it: the first part is what the volume shows. Throws for paths that checkPath rejects. */
function cleaned(payload: Payload): Payload {
  for (const path of payload.keys()) checkPath(path);
  return new Map([...payload].map(([path, file]) => [normalize(path), file]));
}

/** Rejects names that would leave the volume or touch the writer's own. */
export function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (parts.includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (parts[0]!.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
}

async function unchanged(folder: string, payload: Payload): Promise<boolean> {
  let target: string;
  try {
    target = join(folder, await readlink(join(folder, dataLink)));
  } catch {
    return false;
  }
  const present = (await readdir(target, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  if (present.length !== payload.size) return false;
  for (const [path, file] of payload) {
    try {
      const [data, info] = await Promise.all([readFile(join(target, path)), stat(join(target, path))]);
      // Group bits may have been widened for fsGroup: compare what was asked for.
      if (!data.equals(Buffer.from(file.data)) || (info.mode & file.mode) !== file.mode) return false;
    } catch {
      return false;
    }
  }
  return true;
}

async function removeStale(folder: string, payload: Payload, present: string): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === dataLink || entry.name === present) continue;
    if (entry.name.startsWith('..')) await rm(join(folder, entry.name), { recursive: true, force: true });
    else if (entry.isSymbolicLink() && !wanted.has(entry.name)) await unlink(join(folder, entry.name));
  }
}

async function writeFiles(target: string, payload: Payload): Promise<void> {
  for (const [path, file] of payload) {
    const full = join(target, path);
    if (path.includes('/')) await mkdir(dirname(full), { recursive: true, mode: 0o755 });
    await writeFile(full, file.data);
    await chmod(full, file.mode);
    if (file.uid !== undefined) await chown(full, file.uid, -1);
  }
}

/** @param finish called with the new folder before it is shown (ownership). Returns whether anything changed. */
export async function writeAtomically(
  folder: string,
  wanted: Payload,
  finish: (folder: string) => Promise<void>,
): Promise<boolean> {
  const payload = cleaned(wanted);
  if (await unchanged(folder, payload)) return false;
  const stamp = new Date().toISOString().replace(/[-:T]/g, '_').replace(/Z$/, '');
  const name = `..${stamp}.${randomBytes(4).toString('hex')}`;
  const target = join(folder, name);
  await mkdir(target);
  try {
    await chmod(target, 0o755);
    await writeFiles(target, payload);
    await finish(target);
  } catch (error) {
    // On a full disk each further try would take more of it.
    await rm(target, { recursive: true, force: true });
    throw error;
  }
  const temporary = join(folder, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(name, temporary);
  await rename(temporary, join(folder, dataLink));
  for (const first of new Set([...payload.keys()].map((path) => path.split('/')[0]!))) {
    await symlink(join(dataLink, first), join(folder, first)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  await removeStale(folder, payload, name);
  return true;
}
