// The base image for programs of one's own where no registry can be reached: the Node that runs Slipway with the libraries that
// it needs, and busybox for everything else. It is laid out as docker.io/library/node is: the same Dockerfile builds on both.
import { readFileSync } from 'node:fs';
import type { ImageDescription } from '../../agent/images/oci-archive.ts';
import type { TarEntry } from '../../agent/images/tar.ts';
import { runOrFail } from '../run.ts';
import { toolFiles } from './sample.ts';

/** What `FROM` says, without the tag, which is Node's major version. */
export const nodeRepository = 'slipway/node';

const major = process.versions.node.split('.')[0];

/** The libraries and the loader in the words of ldd(1): `NAME => FILE (ADDRESS)`, or `FILE (ADDRESS)` for the loader. */
export const librariesIn = (ldd: string): string[] =>
  [...ldd.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map(([, file]) => file!);

/** Folders above these files that are not there yet, the outermost first. `present`: without a leading slash, as the files are. */
export function foldersAbove(files: readonly string[], present: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const file of files) {
    const parts = file.split('/').slice(0, -1);
    for (const [i] of parts.entries()) folders.add(parts.slice(0, i + 1).join('/'));
  }
  return [...folders].filter((folder) => !present.includes(folder));
}

/** Throws Failure when the libraries cannot be told. */
export async function nodeDescription(busybox: Uint8Array, applets: readonly string[]): Promise<ImageDescription> {
  const tools = toolFiles(busybox, applets);
  const libraries = librariesIn(await runOrFail('ldd', [process.execPath]));
  const programs: TarEntry[] = [
    { path: 'usr/local/bin/node', type: 'file', mode: 0o755, data: readFileSync(process.execPath) },
    ...libraries.map(
      (file): TarEntry => ({ path: file.slice(1), type: 'file', mode: 0o755, data: readFileSync(file) }),
    ),
  ];
  const folders = foldersAbove(
    programs.map(({ path }) => path),
    tools.map(({ path }) => path),
  );
  return {
    reference: `docker.io/${nodeRepository}:${major}`,
    files: [...tools, ...folders.map((path): TarEntry => ({ path, type: 'directory', mode: 0o755 })), ...programs],
    config: { Cmd: ['node'], Env: ['PATH=/usr/local/bin:/bin'], WorkingDir: '/' },
  };
}
