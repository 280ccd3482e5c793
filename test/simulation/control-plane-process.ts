// The control plane as a process of its own, for tests that end it in every way there is.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { apiFetch } from '../../agent/api-fetch.ts';
import type { Client } from '../../core/client/client.ts';
import { httpClient } from '../../core/client/http.ts';
import type { ControlPlaneConfig, ControlPlaneReady } from '../../local/config.ts';

const program = fileURLToPath(new URL('../../local/control-plane-main.ts', import.meta.url));
/** Long enough for a machine that is busy with other tests. */
const startTimeoutMs = 240_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

export class ControlPlaneProcess {
  readonly directory: string;
  readonly config: ControlPlaneConfig;
  #child: ChildProcess | undefined;
  #exit: Promise<Exit> | undefined;

  private constructor(directory: string, config: ControlPlaneConfig) {
    this.directory = directory;
    this.config = config;
  }

  static async make(changes: Partial<ControlPlaneConfig> = {}): Promise<ControlPlaneProcess> {
    const directory = await mkdtemp(join(tmpdir(), 'slipway-control-plane-'));
    const address = { host: '127.0.0.1', port: 0 };
    return new ControlPlaneProcess(directory, {
      name: 'test',
      dataDirectory: join(directory, 'data'),
      listen: [address],
      serviceCidr: '10.96.0.0/16',
      podCidr: '10.244.0.0/16',
      advertise: { host: '127.0.0.1', port: 6443 },
      clusterDomain: 'cluster.local',
      pidFile: join(directory, 'pid'),
      readyFile: join(directory, 'ready.json'),
      logFile: join(directory, 'log'),
      ...changes,
    });
  }

  /** Starts the program; `exited` tells how it ended. */
  async spawn(): Promise<void> {
    const { writeFile } = await import('node:fs/promises');
    const file = join(this.directory, 'config.json');
    await writeFile(file, JSON.stringify(this.config));
    await rm(this.config.readyFile, { force: true });
    const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'slipway-test-compile-cache') };
    const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'ignore', 'pipe'], env });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.#child = child;
    this.#exit = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stderr })));
  }

  get exited(): Promise<Exit> {
    if (!this.#exit) throw new Error('the process was not started');
    return this.#exit;
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<ControlPlaneReady> {
    await this.spawn();
    const deadline = performance.now() + startTimeoutMs;
    let ended: Exit | undefined;
    void this.exited.then((exit) => (ended = exit));
    while (performance.now() < deadline) {
      if (existsSync(this.config.readyFile)) return JSON.parse(readFileSync(this.config.readyFile, 'utf8'));
      if (ended) throw new Error(`the control plane ended (${ended.code ?? ended.signal}): ${ended.stderr}`);
      await sleep(5);
    }
    throw new Error('the control plane was not ready in time');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<Exit> {
    this.signal(signal);
    return await this.exited;
  }

  async dispose(): Promise<void> {
    if (this.#exit) await this.end('SIGKILL');
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A client with the administrator's certificate. */
export function adminClient(ready: ControlPlaneReady): { client: Client; close(): void } {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const { ca, adminCertificate, adminKey } = ready.files;
  const credentials = { ca: read(ca), certificate: { cert: read(adminCertificate), key: read(adminKey) } };
  const { fetch, close } = apiFetch(() => credentials);
  return { client: httpClient({ baseUrl: ready.server, fetch, userAgent: 'test' }), close };
}
