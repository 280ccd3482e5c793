// A cluster of a test's own, started as a person starts one, with a home, a kubeconfig and a name that nothing else uses.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '../../core/client/client.ts';
import { adminClient } from '../../local/cluster/admin.ts';
import { controlPlaneFiles } from '../../local/cluster/control-plane-part.ts';
import { type RunResult, run } from '../../local/run.ts';
import { type ClusterPaths, clusterPaths } from '../../local/state/paths.ts';
import { type ProcessRef, readProcesses } from '../../local/state/processes.ts';
import { readReady } from '../../local/state/ready-file.ts';
import { guard } from '../guard.ts';

export const door = fileURLToPath(new URL('../../cli/slipway.js', import.meta.url));
export const downArguments = ['down', '--purge', '--grace', '0'];
const remains = fileURLToPath(new URL('place-remains.ts', import.meta.url));

export interface ClusterOptions {
  nodes?: number;
  /** Default: containerd, which needs root. */
  runtime?: 'containerd' | 'simulated';
  /** More flags for `slipway up`. */
  flags?: string[];
}

/** A place where a cluster can be: `slipway` with its own home and kubeconfig. */
export class TestPlace {
  readonly name = `t${randomBytes(4).toString('hex')}`;
  readonly home = mkdtempSync(join(tmpdir(), 'slipway-e2e-'));
  readonly kubeconfig = join(this.home, 'kubeconfig');
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    SLIPWAY_HOME: join(this.home, 'data'),
    KUBECONFIG: this.kubeconfig,
    NO_COLOR: '1',
  };
  readonly paths: ClusterPaths = clusterPaths(this.name, this.env);
  readonly #guard = guard([process.execPath, remains, this.home, this.name], this.env);

  /** The command, for this place's cluster; never rejects for an exit code. */
  slipway(...args: string[]): Promise<RunResult> {
    return run(process.execPath, [door, ...args, '--name', this.name], { env: this.env });
  }

  /** The same, to be interrupted. In a process group of its own, as a shell would give it. */
  start(...args: string[]): ChildProcess {
    return spawn(process.execPath, [door, ...args, '--name', this.name], {
      env: this.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  kubectl(...args: string[]): Promise<RunResult> {
    return run('kubectl', args, { env: this.env });
  }

  /** Output of a kubectl that must succeed. */
  async kubectlOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(...args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** `kubectl apply` of objects (or of YAML text). */
  async apply(manifest: object | string): Promise<void> {
    const file = join(this.home, `manifest-${randomBytes(4).toString('hex')}`);
    writeFileSync(file, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
    await this.kubectlOk('apply', '-f', file);
  }

  /** The administrator's client of the running cluster. */
  client(): Client {
    const ready = readReady(controlPlaneFiles(this.paths).ready);
    assert.ok(ready, 'the control plane is not running');
    return adminClient(ready);
  }

  /** A part's process: `control-plane`, `NODE/containerd`, `NODE/agent`. */
  part(name: string): ProcessRef {
    const ref = readProcesses(this.paths.processes)[name];
    assert.ok(ref, `no part ${name}`);
    return ref;
  }

  node(number = 1): string {
    return `${this.name}-${number}`;
  }

  /** Stops the cluster and removes everything of it, whatever state it is in. */
  async remove(): Promise<void> {
    const { code, stderr } = await this.slipway(...downArguments);
    rmSync(this.home, { recursive: true, force: true });
    await this.#guard.dismiss();
    assert.equal(code, 0, stderr);
  }
}

/** Starts a cluster and hands it over; throws with the command's own words when it does not come up. `remove` it in the end. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestPlace> {
  const place = new TestPlace();
  mkdirSync(place.home, { recursive: true });
  const flags = [
    '--nodes',
    String(options.nodes ?? 1),
    '--runtime',
    options.runtime ?? 'containerd',
    '--port',
    String(await freePort()),
  ];
  const { code, stdout, stderr } = await place.slipway('up', ...flags, ...(options.flags ?? []));
  if (code !== 0) {
    await place.remove().catch(() => undefined);
    assert.fail(`slipway up: exit code ${code}\n${stdout}${stderr}`);
  }
  return place;
}

/** Runs a test with a cluster that is gone afterwards, however it ends. */
export async function withCluster(options: ClusterOptions, use: (cluster: TestPlace) => Promise<void>): Promise<void> {
  const cluster = await startCluster(options);
  try {
    await use(cluster);
  } finally {
    await cluster.remove();
  }
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/**
 * Asks again and again until the answer is neither undefined nor false; fails with `what` after the time, which is no measure of
 * anything: a loaded machine may take long to do what it does in a moment.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 120_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(performance.now() < deadline, `${what}: not within ${withinMs / 1000} s`);
    await sleep(25);
  }
}

/** The sample's page at a pod's address. Without a readiness probe a pod is ready before its program listens. */
export const pageAt = (address: string): Promise<string> =>
  eventually(`${address} answers`, () =>
    fetch(`http://${address}:8080/`).then(
      (response) => response.text(),
      () => undefined,
    ),
  );
