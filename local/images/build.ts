// Builds a Dockerfile with buildah, in a store of the cluster's own, and hands out an archive.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { which } from '../../agent/containerd/programs.ts';
import { Failure } from '../failure.ts';
import { installPackages, isDebian } from '../install/debian.ts';
import type { Progress } from '../progress.ts';
import { buildEnvironment } from '../registry/for-builds.ts';
import { run, runOrFail } from '../run.ts';
import type { ClusterPaths } from '../state/paths.ts';

export interface BuildOptions {
  /** Full reference. */
  tag: string;
  file?: string;
  buildArgs: readonly string[];
}

/** statfs(2)'s OVERLAYFS_SUPER_MAGIC: an overlay has no place on another. */
const overlayType = 0x794c7630;

/** Overlays, as containerd has them; else plain copies, which take the whole image's time and room at every step. */
function storageDriver(store: string): 'overlay' | 'vfs' {
  const known = /\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8'));
  return known && statfsSync(store).type !== overlayType ? 'overlay' : 'vfs';
}

/** Options of buildah for the cluster's own store, which keeps what was built; made when it is missing. */
export function buildahStore(paths: ClusterPaths): string[] {
  const store = join(paths.cache, 'buildah');
  mkdirSync(store, { recursive: true, mode: 0o700 });
  return ['--root', store, '--runroot', join(store, 'run'), '--storage-driver', storageDriver(store)];
}

/** A machine on which nothing was ever built has no buildah. */
export const isBuilt = async (paths: ClusterPaths, reference: string): Promise<boolean> =>
  which('buildah') !== undefined &&
  (await run('buildah', [...buildahStore(paths), 'inspect', '--type', 'image', reference])).code === 0;

/** Takes the name out of buildah's store, and the image with its last name. False when it is not there. */
export async function removeBuilt(paths: ClusterPaths, reference: string): Promise<boolean> {
  if (!(await isBuilt(paths, reference))) return false;
  await runOrFail('buildah', [...buildahStore(paths), 'rmi', reference]);
  return true;
}

export async function ensureBuildah(progress: Progress, install: boolean): Promise<void> {
  if (which('buildah')) return;
  if (!install || !isDebian())
    throw new Failure('buildah is not on this machine', 'apt-get install --no-install-recommends buildah');
  progress.say('buildah is missing on this machine. Installing it from Debian.');
  await progress.step('Debian packages', async (note) => {
    note('buildah');
    await installPackages(['buildah']);
  });
}

/**
 * Into the cluster's own store. `known`: archives whose images FROM may name, for the text of the Dockerfile and the arguments.
 * chroot isolation works in virtual machines and containers where others do not.
 */
export async function buildImage(
  paths: ClusterPaths,
  folder: string,
  options: BuildOptions,
  known: (text: string) => Promise<readonly string[]>,
): Promise<void> {
  const context = resolve(folder);
  if (!statSync(context, { throwIfNoEntry: false })?.isDirectory()) throw new Failure(`there is no folder ${folder}`);
  const file = options.file
    ? resolve(options.file)
    : ['Dockerfile', 'Containerfile'].map((name) => join(context, name)).find((name) => existsSync(name));
  if (!file || !existsSync(file)) throw new Failure(`there is no Dockerfile in ${folder}`, 'name it: --file FILE');
  const storage = buildahStore(paths);
  const text = [readFileSync(file, 'utf8'), ...options.buildArgs].join('\n');
  for (const archive of await known(text))
    await runOrFail('buildah', [...storage, 'pull', '-q', `oci-archive:${archive}`]);
  const args = [
    ...storage,
    'bud',
    '--isolation',
    'chroot',
    // buildah 1.28, Debian 12's, takes an ENV that comes from an ARG out of its cache whatever the argument's value is
    options.buildArgs.length > 0 ? '--layers=false' : '--layers',
    '--pull=false',
    '--format',
    'docker',
    '--tag',
    options.tag,
    '--file',
    file,
  ];
  const given = options.buildArgs.flatMap((arg) => ['--build-arg', arg]);
  await shown('buildah', [...args, ...given, context], buildEnvironment(paths));
}

/** The file of a Docker archive of what was built, which the caller removes. */
export async function archiveOf(paths: ClusterPaths, tag: string): Promise<string> {
  const archive = join(paths.cache, `built-${process.pid}.tar`);
  rmSync(archive, { force: true });
  await runOrFail('buildah', [...buildahStore(paths), 'push', '-q', tag, `docker-archive:${archive}:${tag}`]);
  return archive;
}

/** With its own words on the terminal: a person waits for it. */
export function shown(command: string, args: readonly string[], env = process.env): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? done() : reject(new Failure(`${command} failed with exit code ${code}`)),
    );
  });
}
