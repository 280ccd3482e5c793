// hostPath volumes and their types: https://kubernetes.io/docs/concepts/storage/volumes/#hostpath
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostPathVolumeSource } from '../../core/api/types.gen.ts';

const wrong = (path: string, what: string): Error => new Error(`hostPath type check failed: ${path} is not ${what}`);

/** Checks (and for the OrCreate types, makes) the path. */
export async function prepareHostPath(source: HostPathVolumeSource): Promise<string> {
  const { path } = source;
  const type = source.type ?? '';
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 }).catch(ignoreExists);
  if (type === 'FileOrCreate') {
    await stat(dirname(path));
    await (await open(path, 'a', 0o644)).close();
  }
  if (type === '') return path;
  const info = await stat(path).catch(() => undefined);
  const checks: Record<string, [boolean | undefined, string]> = {
    Directory: [info?.isDirectory(), 'a directory'],
    DirectoryOrCreate: [info?.isDirectory(), 'a directory'],
    File: [info?.isFile(), 'a file'],
    FileOrCreate: [info?.isFile(), 'a file'],
    Socket: [info?.isSocket(), 'a socket file'],
    CharDevice: [info?.isCharacterDevice(), 'a character device'],
    BlockDevice: [info?.isBlockDevice(), 'a block device'],
  };
  const check = checks[type];
  if (!check) throw new Error(`hostPath type "${type}" is not supported`);
  if (!check[0]) throw wrong(path, check[1]);
  return path;
}

const ignoreExists = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EEXIST') throw error;
};
