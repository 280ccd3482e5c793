// The two sides: Slipway's control plane as one process, and the real etcd and kube-apiserver. Both durable, both on loopback.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ControlPlaneConfig, ControlPlaneReady } from '../local/config.ts';
import { peerToken, startPeer } from '../test/peer/control-plane.ts';
import type { Target } from './http.ts';

const entry = fileURLToPath(new URL('../local/control-plane-main.ts', import.meta.url));
const startTimeoutMs = 30_000;

export async function startSlipway(port: number): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const config: ControlPlaneConfig = {
    name: 'bench',
    dataDirectory: join(folder, 'data'),
    listen: [{ host: '127.0.0.1', port }],
    serviceCidr: '10.128.0.0/16',
    podCidr: '10.129.0.0/16',
    advertise: { host: '127.0.0.1', port },
    clusterDomain: 'cluster.local',
    pidFile: join(folder, 'pid'),
    readyFile: join(folder, 'ready.json'),
    logFile: join(folder, 'log'),
    logLevel: 'warn',
  };
  const configFile = join(folder, 'config.json');
  writeFileSync(configFile, JSON.stringify(config));
  const child = spawn(process.execPath, [entry, configFile], { stdio: 'inherit' });
  const giveUp = Date.now() + startTimeoutMs;
  while (!existsSync(config.readyFile)) {
    if (child.exitCode !== null || Date.now() > giveUp)
      throw new Error(`the control plane did not start; its log is ${config.logFile}`);
    await sleep(10);
  }
  const ready = JSON.parse(readFileSync(config.readyFile, 'utf8')) as ControlPlaneReady;
  return {
    name: 'Slipway',
    baseUrl: ready.server,
    pids: [child.pid!],
    credentials: { certificate: ready.files.adminCertificate, key: ready.files.adminKey },
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Admission of namespaces' service accounts is done by hand there: no controller manager runs beside it. */
export async function startReal(port: number, scheduler = false): Promise<Target> {
  const peer = await startPeer({
    port,
    durable: true,
    scheduler,
    arguments: ['--disable-admission-plugins=ServiceAccount'],
  });
  return {
    name: 'kube-apiserver on etcd',
    baseUrl: peer.baseUrl,
    pids: Object.values(peer.pids),
    credentials: { token: peerToken },
    stop: () => peer.stop(),
  };
}
