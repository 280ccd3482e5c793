// The folder of static pods' manifests (or one file): read at the start, when inotify says that it changed, and now and then.
import { hash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../core/api/types.gen.ts';
import type { Log } from '../../core/ports.ts';

/** A kubelet's fileCheckFrequency, and the size of a file that it takes at most. */
const checkMs = 20_000;
const maxBytes = 10 * 1024 * 1024;
/** An editor writes, renames and sets modes: one reading for all of it. */
const settleMs = 50;

export interface ManifestFilesDeps {
  /** A folder, or one file. It may come later. */
  path: string;
  nodeName: string;
  /** All pods there are, in the order of the files' names. */
  changed(pods: Pod[]): void;
  log: Log;
}

interface Known {
  text: string;
  /** Absent: it never was a pod. */
  pod: Pod | undefined;
}

export class ManifestFiles {
  readonly #deps: ManifestFilesDeps;
  #known = new Map<string, Known>();
  #watcher: FSWatcher | undefined;
  /** Inode that is watched: a folder made anew is another one. */
  #watched = 0;
  #timer: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;
  #trouble = '';

  constructor(deps: ManifestFilesDeps) {
    this.#deps = deps;
  }

  /** Resolves when the files have been read once. */
  async start(): Promise<void> {
    await this.#read();
    this.#schedule(checkMs);
  }

  /** Resolves when they have been read once more. */
  reread(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.reread().finally(() => this.#schedule(checkMs));
    }, delayMs);
    this.#timer.unref();
  }

  /** The path cannot be read: what is known stands, but for one that is not there, which holds nothing. */
  async #read(): Promise<void> {
    try {
      const files = await this.#files();
      const texts = await Promise.all(files.map(async (file) => [file, await this.#text(file)] as const));
      const known = new Map<string, Known>();
      for (const [file, text] of texts) {
        const before = this.#known.get(file);
        if (text === undefined) continue;
        known.set(file, before?.text === text ? before : await this.#parsed(file, text, before));
      }
      this.#known = known;
      this.#trouble = '';
      if (!this.#closed) this.#deps.changed([...known.values()].flatMap(({ pod }) => pod ?? []));
    } catch (error) {
      this.#warn((error as Error).message);
    }
  }

  /** Names with a dot in front are not looked at, folders not gone into. */
  async #files(): Promise<string[]> {
    const { path } = this.#deps;
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    });
    this.#follow(found?.ino);
    if (!found) return [];
    if (!found.isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
    return names.map((name) => join(path, name));
  }

  #follow(inode: number | undefined): void {
    if (inode === this.#watched && this.#watcher) return;
    this.#watcher?.close();
    this.#watcher = undefined;
    if (inode === undefined || this.#closed) return;
    this.#watcher = watch(this.#deps.path, { persistent: false }, () => this.#schedule(settleMs));
    this.#watcher.on('error', () => {
      this.#watcher?.close();
      this.#watcher = undefined;
    });
    this.#watched = inode;
  }

  /** undefined: it is no file, or gone since. */
  async #text(file: string): Promise<string | undefined> {
    try {
      const found = await stat(file);
      if (!found.isFile()) return undefined;
      if (found.size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
      return await readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Error(`${file}: ${(error as Error).message}`);
    }
  }

  /** A file that is no pod (any more) leaves the pod that it last was: it may be half written. */
  async #parsed(file: string, text: string, before: Known | undefined): Promise<Known> {
    // What the API knows of pods is loaded only where there are manifests.
    const { staticPod } = await import('../../core/kubelet/static-manifest.ts');
    const { nodeName, log } = this.#deps;
    try {
      const hashOf = (of: string): string => hash('sha256', of);
      return { text, pod: staticPod(text, { nodeName, file, hash: hashOf }) };
    } catch (error) {
      log('warn', 'manifest of a static pod not taken', { file, error: (error as Error).message });
      return { text, pod: before?.pod };
    }
  }

  #warn(trouble: string): void {
    if (trouble !== this.#trouble) this.#deps.log('warn', 'manifests of static pods not read', { error: trouble });
    this.#trouble = trouble;
  }
}
