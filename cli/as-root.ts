// Commands that touch namespaces and mounts need root: they run themselves again through sudo, after saying so.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { which } from '../local/containerd/containerd.ts';
import { Failure } from '../local/failure.ts';
import { defaultKubeconfig } from '../local/kubeconfig.ts';
import { type ClusterPaths, slipwayHome } from '../local/state/paths.ts';
import { readSpec } from '../local/state/spec.ts';

/**
 * Resolves to true when the command was run as root by sudo and its exit code set: the caller has nothing left to do.
 * Throws Failure where there is no way to become root.
 */
export async function asRoot(why: string): Promise<boolean> {
  if (process.platform !== 'linux')
    throw new Failure(`real containers need Linux, this is ${process.platform}`, 'slipway up --runtime simulated');
  if (process.getuid?.() === 0) return false;
  if (!which('sudo')) throw new Failure(why, 'run it as root, or install sudo');
  process.stderr.write(`slipway: ${why}; running itself again with sudo\n`);
  // what decides where data and context go must not become root's
  const environment = [
    `SLIPWAY_HOME=${slipwayHome()}`,
    `KUBECONFIG=${defaultKubeconfig()}`,
    `NODE_COMPILE_CACHE=${process.env['NODE_COMPILE_CACHE'] ?? ''}`,
  ];
  const child = spawn('sudo', ['env', ...environment, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
  return true;
}

/** As asRoot, when this cluster has real containers or files that only root reads. */
export async function needsRoot(paths: ClusterPaths): Promise<boolean> {
  if (process.getuid?.() === 0) return false;
  try {
    accessSync(paths.home, constants.F_OK);
    if (readSpec(paths)?.runtime !== 'containerd') return false;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return false;
    if (code !== 'EACCES') throw error;
  }
  return asRoot(`cluster "${paths.name}" belongs to root`);
}
