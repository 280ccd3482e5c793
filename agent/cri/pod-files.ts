// Files of a pod that containers get mounted: hosts file, termination messages.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import type { Pod } from '../../core/api/types.gen.ts';
import { hostsFile } from '../pods/hosts.ts';

export const terminationFile = (podDir: string, container: string, attempt: number): string =>
  `${podDir}/containers/${container}/${attempt}`;

/** Made anew for each attempt; the container's user may be anyone. */
export async function makeTerminationFile(podDir: string, container: string, attempt: number): Promise<string> {
  const path = terminationFile(podDir, container, attempt);
  await mkdir(`${podDir}/containers/${container}`, { recursive: true, mode: 0o750 });
  await writeFile(path, '');
  await chmod(path, 0o666);
  return path;
}

/** Written once; a container that edits it keeps its changes over restarts of others. */
export async function makeHostsFile(
  podDir: string,
  pod: Pod,
  podIPs: readonly string[],
  clusterDomain: string,
): Promise<string> {
  const path = `${podDir}/etc-hosts`;
  const host = pod.spec?.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : '';
  await mkdir(podDir, { recursive: true, mode: 0o750 });
  await writeFile(path, hostsFile(pod, podIPs, clusterDomain, host));
  await chmod(path, 0o644);
  return path;
}
