// Pythons of this machine, and virtual environments with one package each, made once.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run, runOrFail } from '../../local/run.ts';
import { cacheFolder } from './emulator.ts';

/** A Python of exactly this minor version ("3.13") that starts; undefined when there is none. pyenv's shims refuse versions that are not chosen. */
export async function findPython(version: string): Promise<string | undefined> {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  const pyenv = (existsSync(versions) ? readdirSync(versions) : [])
    .filter((name) => name === version || name.startsWith(`${version}.`))
    .map((name) => join(versions, name, 'bin', 'python3'));
  for (const candidate of [
    ...pyenv,
    `/usr/local/bin/python${version}`,
    `/usr/bin/python${version}`,
    `python${version}`,
  ]) {
    if (candidate.startsWith('/') && !existsSync(candidate)) continue;
    const asked = await run(candidate, ['-c', 'import ensurepip, sys; print("%d.%d" % sys.version_info[:2])']).catch(
      () => undefined,
    );
    if (asked?.code === 0 && asked.stdout.trim() === version) return candidate;
  }
  return undefined;
}

export interface VirtualEnvironment {
  /** Names the folder; another name is another environment. */
  name: string;
  python: string;
  /** What uv installs, packages and folders. */
  packages: string[];
  /** Nothing that was published later is installed. */
  excludeNewer?: string;
  onInstall?: (what: string) => void;
}

/** The environment's Python. A half-made environment is made anew. */
export async function virtualEnvironment({
  name,
  python,
  packages,
  excludeNewer,
  onInstall,
}: VirtualEnvironment): Promise<string> {
  const folder = join(cacheFolder, name);
  const inside = join(folder, 'bin', 'python');
  const made = join(folder, 'complete');
  if (existsSync(made)) return inside;
  onInstall?.(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cacheFolder, { recursive: true });
  await runOrFail(python, ['-m', 'venv', folder]);
  await runOrFail(inside, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'uv']);
  const until = excludeNewer ? ['--exclude-newer', excludeNewer] : [];
  await runOrFail(join(folder, 'bin', 'uv'), ['pip', 'install', '--quiet', '--python', inside, ...until, ...packages]);
  writeFileSync(made, '');
  return inside;
}
