// Files of a pod's containers: hosts file and termination messages, which are mounted, and logs.
// The former are written in one go, without a break: these few bytes take less time than a way to the thread pool and back, which every
// start of a container would wait for.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import { hostsFile } from '../pods/hosts.ts';

export const terminationFile = (podDir: string, container: string, attempt: number): string =>
  `${podDir}/containers/${container}/${attempt}`;

/** Made anew for each attempt; the container's user may be anyone. */
export function makeTerminationFile(podDir: string, container: string, attempt: number): string {
  const path = terminationFile(podDir, container, attempt);
  mkdirSync(`${podDir}/containers/${container}`, { recursive: true, mode: 0o750 });
  writeFileSync(path, '');
  chmodSync(path, 0o666);
  return path;
}

function machineHosts(): string {
  try {
    return readFileSync('/etc/hosts', 'utf8');
  } catch {
    return '';
  }
}

/** Written once; a container that edits it keeps its changes over restarts of others. */
export function makeHostsFile(podDir: string, pod: Pod, podIPs: readonly string[], clusterDomain: string): string {
  const path = `${podDir}/etc-hosts`;
  mkdirSync(podDir, { recursive: true, mode: 0o750 });
  writeFileSync(path, hostsFile(pod, podIPs, clusterDomain, pod.spec?.hostNetwork ? machineHosts() : ''));
  chmodSync(path, 0o644);
  return path;
}

/** The log of one attempt, with what rotation made of it. */
export async function removeLogs(logPath: string): Promise<void> {
  const [folder, file] = [logPath.slice(0, logPath.lastIndexOf('/')), logPath.slice(logPath.lastIndexOf('/') + 1)];
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names.filter((n) => n === file || n.startsWith(`${file}.`)).map((n) => rm(`${folder}/${n}`, { force: true })),
  );
}
