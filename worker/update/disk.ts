// What an update keeps on the disk. Every file is written whole, and flushed, before what depends on it happens.
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { bundleName, paths } from '../settings.ts';
import type { Trial, UpdateFailure, UpdateState } from './decide.ts';
import { agentUpdate } from './files.ts';

interface Kept {
  state?: UpdateState;
  failure?: UpdateFailure;
}

function writeDurably(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
  const folder = openSync(dirname(file), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function trialIn(file: string): Trial | undefined {
  if (!existsSync(file)) return undefined;
  const [from, to] = readFileSync(file, 'utf8').trim().split(' ');
  return from && to ? { from, to } : undefined;
}

export class UpdateDisk {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  #at(path: string): string {
    return `${this.#root}${path}`;
  }

  /** What does not parse counts as absent: an update begins anew then. */
  kept(): Kept {
    try {
      return JSON.parse(readFileSync(this.#at(paths.updateState), 'utf8')) as Kept;
    } catch {
      return {};
    }
  }

  keep(kept: Kept): void {
    writeDurably(this.#at(paths.updateState), `${JSON.stringify(kept)}\n`);
  }

  trial(): Trial | undefined {
    return trialIn(this.#at(agentUpdate.trying));
  }

  takenBack(): Trial | undefined {
    return trialIn(this.#at(agentUpdate.failed));
  }

  forgetTrial(): void {
    rmSync(this.#at(agentUpdate.trying), { force: true });
  }

  forgetTakenBack(): void {
    rmSync(this.#at(agentUpdate.failed), { force: true });
  }

  /** The version that runs, by the folder that its file stands in. undefined: it does not run from there (development). */
  running(file: string): string | undefined {
    const folder = dirname(file);
    return dirname(folder) === this.#at(paths.versions) ? basename(folder) : undefined;
  }

  versionFolder(version: string): string {
    return this.#at(`${paths.versions}/${version}`);
  }

  has(version: string): boolean {
    return existsSync(`${this.versionFolder(version)}/${bundleName}`);
  }

  /** The note first: a link that was turned without it could not be turned back by the guard. */
  turn({ from, to }: Trial): void {
    writeDurably(this.#at(agentUpdate.trying), `${from} ${to} 0\n`);
    const link = this.#at(paths.current);
    rmSync(`${link}.new`, { force: true });
    symlinkSync(`versions/${to}`, `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  /** Removes the folders of all versions but these, and what was fetched in part. */
  prune(keep: readonly string[]): void {
    const current = basename(readlinkSync(this.#at(paths.current)));
    for (const name of readdirSync(this.#at(paths.versions)))
      if (name !== current && !keep.includes(name)) rmSync(this.versionFolder(name), { recursive: true, force: true });
  }
}
