// The control plane process: its configuration, its start, and when it serves.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlaneConfig, ControlPlaneReady } from '../config.ts';
import { controlPlaneProgram } from '../control-plane-program.ts';
import { Failure, tail } from '../failure.ts';
import type { AddressPlan } from '../network/addresses.ts';
import type { ClusterPaths } from '../state/paths.ts';
import { isAlive, type ProcessRef, startDetached } from '../state/processes.ts';
import { readReady } from '../state/ready-file.ts';
import { type ClusterSpec, logFile, readIfThere, writeFileAtomic } from '../state/spec.ts';
import { controlPlaneHeap } from './control-plane-heap.ts';

export const clusterDomain = 'cluster.local';

export const controlPlaneFiles = (paths: ClusterPaths) => ({
  config: join(paths.dir, 'control-plane.json'),
  pid: join(paths.dir, 'control-plane.pid'),
  ready: join(paths.dir, 'control-plane.ready.json'),
});

export function controlPlaneConfig(paths: ClusterPaths, spec: ClusterSpec, plan: AddressPlan): ControlPlaneConfig {
  const files = controlPlaneFiles(paths);
  const real = spec.runtime === 'containerd';
  const loopback = { host: '127.0.0.1', port: spec.port };
  const gateway = { host: plan.gateway, port: spec.port };
  return {
    name: spec.name,
    dataDirectory: paths.controlPlane,
    listen: real ? [loopback, gateway] : [loopback],
    serviceCidr: plan.services,
    podCidr: plan.cluster,
    advertise: real ? gateway : loopback,
    clusterDns: plan.clusterDns,
    clusterDomain,
    ...(spec.settings ? { settings: spec.settings } : {}),
    pidFile: files.pid,
    readyFile: files.ready,
    logFile: logFile(paths, 'control-plane'),
  };
}

export function startControlPlane(paths: ClusterPaths, spec: ClusterSpec, plan: AddressPlan): ProcessRef {
  const file = controlPlaneFiles(paths).config;
  writeFileAtomic(file, `${JSON.stringify(controlPlaneConfig(paths, spec, plan), null, 2)}\n`);
  const { flags, env } = controlPlaneHeap();
  return startDetached([process.execPath, ...flags, controlPlaneProgram(), file], logFile(paths, 'control-plane.out'), {
    ...process.env,
    ...env,
  });
}

/** Throws Failure, with the end of its log, when it dies, which is seen at once, or is not ready in time. */
export async function untilReady(
  paths: ClusterPaths,
  spec: ClusterSpec,
  ref: ProcessRef,
  signal: AbortSignal,
  withinMs = 120_000,
): Promise<ControlPlaneReady> {
  const files = controlPlaneFiles(paths);
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const ready = readReady(files.ready);
    if (ready?.pid === ref.pid) return ready;
    if (!isAlive(ref)) break;
    await sleep(10);
  }
  const log = logFile(paths, 'control-plane.out');
  // Of one that lives the port may be its own.
  if (!isAlive(ref) && !(await portIsFree(spec.port))) throw portInUse(spec.port);
  throw new Failure(
    `the control plane did not come up; the end of ${log}:\n${tail(readIfThere(log) ?? '', 8)}`,
    'slipway logs control-plane shows more',
  );
}

export const portInUse = (port: number): Failure =>
  new Failure(`port ${port} on 127.0.0.1 is in use by another program`, 'choose another: --port NUMBER');

export const portIsFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
