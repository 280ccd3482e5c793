// Commands that touch namespaces and mounts need root: they run themselves again through sudo, after saying so.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { which } from '../local/containerd/containerd.ts';
import { Failure } from '../local/failure.ts';
import { defaultKubeconfig } from '../local/kubeconfig.ts';
import { type ClusterPaths, slipwayHome } from '../local/state/paths.ts';
import { type Runtime, readSpec } from '../local/state/spec.ts';

const awsFiles = [
  ['AWS_CONFIG_FILE', 'config'],
  ['AWS_SHARED_CREDENTIALS_FILE', 'credentials'],
] as const;

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
  // what decides where data and context go must not become root's, nor the folders that hold them
  for (const folder of [slipwayHome(), dirname(defaultKubeconfig())]) makeFolder(folder);
  const environment = [
    `SLIPWAY_HOME=${slipwayHome()}`,
    `KUBECONFIG=${defaultKubeconfig()}`,
    `NODE_COMPILE_CACHE=${process.env['NODE_COMPILE_CACHE'] ?? ''}`,
  ];
  // credentials of AWS must not be seen among the arguments, and their files are this user's
  const aws = Object.keys(process.env).filter((name) => name.startsWith('AWS_'));
  const keep = aws.length > 0 ? [`--preserve-env=${aws.join(',')}`] : [];
  for (const [name, file] of awsFiles)
    if (!process.env[name]) environment.push(`${name}=${join(homedir(), '.aws', file)}`);
  const child = spawn('sudo', [...keep, 'env', ...environment, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
  return true;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    // it is root's already, or root will say what is wrong
  }
}

/** What kind of nodes a cluster has; one whose files only root reads has real ones. undefined: there is no such cluster. */
export function runtimeOf(paths: ClusterPaths): Runtime | undefined {
  try {
    return readSpec(paths)?.runtime;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return 'containerd';
    throw error;
  }
}

/** As asRoot, for a command on a cluster that is there already. */
export async function needsRoot(paths: ClusterPaths): Promise<boolean> {
  if (runtimeOf(paths) !== 'containerd') return false;
  return asRoot(`cluster "${paths.name}" belongs to root`);
}
