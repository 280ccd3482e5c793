// What outlives the agent: one file per pod with the pod as last sent and what the lifecycle remembers. With it an agent
// that was killed adopts what runs, also when the control plane is away.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import type { PodMemory } from '../../core/kubelet/model.ts';
import type { Log } from '../../core/ports.ts';

export interface SavedPod {
  pod: Pod;
  memory: PodMemory;
  /** A static pod: the control plane has not sent it, and does not take it away. */
  fromManifest?: boolean;
}

const writeDelayMs = 50;
/** A full disk may have room again. */
const retryMs = 10_000;
const formatVersion = 1;

export class Checkpoint {
  readonly #folder: string;
  readonly #log: Log;
  /** Newest state to be written, by uid; undefined: to be removed. */
  readonly #pending = new Map<string, SavedPod | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, log: Log) {
    this.#folder = `${stateDir}/checkpoint`;
    this.#log = log;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Files that cannot be read are left out with a warning: the control plane knows the pod too. */
  load(): SavedPod[] {
    const saved: SavedPod[] = [];
    for (const name of readdirSync(this.#folder)) {
      if (!name.endsWith('.json')) continue;
      try {
        const file = JSON.parse(readFileSync(`${this.#folder}/${name}`, 'utf8')) as SavedPod & { version: number };
        const { version, ...pod } = file;
        if (version === formatVersion) saved.push(pod);
        else this.#log('warn', 'checkpoint of another version ignored', { file: name, version: file.version });
      } catch (error) {
        this.#log('warn', 'checkpoint unreadable', { file: name, error: (error as Error).message });
      }
    }
    return saved;
  }

  save(uid: string, state: SavedPod): void {
    this.#queue(uid, state);
  }

  forget(uid: string): void {
    this.#queue(uid, undefined);
  }

  /** Resolves when everything is on disk. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = [...this.#pending];
    this.#pending.clear();
    this.#writing = this.#writing.then(() => this.#write(batch));
    await this.#writing;
  }

  #queue(uid: string, state: SavedPod | undefined): void {
    this.#pending.set(uid, state);
    this.#timer ??= setTimeout(() => void this.flush(), writeDelayMs);
  }

  /** Unless something newer is to be written already. */
  #retry(uid: string, state: SavedPod | undefined): void {
    if (!this.#pending.has(uid)) this.#pending.set(uid, state);
    this.#timer ??= setTimeout(() => void this.flush(), retryMs).unref();
  }

  async #write(batch: [string, SavedPod | undefined][]): Promise<void> {
    await Promise.all(
      batch.map(async ([uid, state]) => {
        const file = `${this.#folder}/${uid}.json`;
        try {
          if (!state) {
            await rm(`${file}.new`, { force: true });
            return await rm(file, { force: true });
          }
          await writeFile(`${file}.new`, JSON.stringify({ version: formatVersion, ...state }), { mode: 0o600 });
          await rename(`${file}.new`, file);
        } catch (error) {
          this.#log('warn', 'checkpoint not written', { uid, error: (error as Error).message });
          this.#retry(uid, state);
        }
      }),
    );
  }
}
