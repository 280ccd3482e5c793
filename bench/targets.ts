// The two sides, with and without nodes: Slipway's control plane, and the real etcd and kube-apiserver with what else a row needs.
// Both durable, both on this machine.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { controlPlaneHeap } from '../local/cluster/control-plane-heap.ts';
import { controlPlaneFiles } from '../local/cluster/control-plane-part.ts';
import { simulatedPart } from '../local/cluster/parts.ts';
import type { ControlPlaneConfig, ControlPlaneReady } from '../local/config.ts';
import { nodePaths } from '../local/state/paths.ts';
import { readReady } from '../local/state/ready-file.ts';
import { startCluster, type TestPlace } from '../test/e2e/cluster.ts';
import { startPeerCluster } from '../test/peer/cluster.ts';
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
  const { flags, env } = controlPlaneHeap(); // as slipway up starts it
  const child = spawn(process.execPath, [...flags, entry, configFile], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
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

export interface RealParts {
  scheduler?: boolean;
  /** Without it nobody makes service accounts, and pods are admitted without one. */
  controllerManager?: boolean;
}

export async function startReal(port: number, parts: RealParts = {}): Promise<Target> {
  const peer = await startPeer({
    port,
    durable: true,
    ...parts,
    arguments: parts.controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount'],
  });
  return {
    name: parts.controllerManager ? realFour : 'kube-apiserver on etcd',
    baseUrl: peer.baseUrl,
    pids: Object.values(peer.pids),
    credentials: { token: peerToken },
    stop: () => peer.stop(),
  };
}

const realFour = 'etcd, kube-apiserver, controller manager, scheduler';

/** A control plane, and what runs the pods of its node or nodes. */
export interface NodeTarget extends Target {
  agent: { name: string; pid: number };
}

/** As `slipway up` starts it, in a home of its own. Simulated nodes share one process. */
export async function startSlipwayNodes(
  runtime: 'containerd' | 'simulated',
  nodes = 1,
  flags: string[] = [],
): Promise<NodeTarget & { socket: string; cluster: TestPlace }> {
  const cluster = await startCluster({ runtime, nodes, flags });
  const ready = readReady(controlPlaneFiles(cluster.paths).ready);
  if (!ready) throw new Error('the control plane is gone');
  const part = runtime === 'simulated' ? simulatedPart : `${cluster.node()}/agent`;
  return {
    name: 'Slipway',
    baseUrl: ready.server,
    pids: [ready.pid],
    credentials: { certificate: ready.files.adminCertificate, key: ready.files.adminKey },
    agent: { name: 'agent', pid: cluster.part(part).pid },
    socket: nodePaths(cluster.paths, cluster.node()).socket,
    cluster,
    stop: () => cluster.remove(),
  };
}

export async function startRealNode(port: number): Promise<NodeTarget & { loadImages(): Promise<void> }> {
  const real = await startPeerCluster(port);
  return {
    name: realFour,
    baseUrl: real.baseUrl,
    pids: real.controlPlane,
    credentials: { token: peerToken },
    agent: { name: 'kubelet', pid: real.kubelet },
    loadImages: () => real.loadImages(),
    stop: () => real.stop(),
  };
}
