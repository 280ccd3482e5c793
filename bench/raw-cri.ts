// A pod made by hand: the CRI calls alone, on the same containerd.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectCri } from '../agent/cri/client.ts';
import type { ContainerConfig, PodSandboxConfig } from '../agent/cri/messages.ts';
import { median } from './measure.ts';
import { sample } from './pods.ts';

const sandbox = (name: string, logs: string): PodSandboxConfig => ({
  metadata: { name, namespace: 'bench', uid: name, attempt: 0 },
  hostname: name,
  log_directory: join(logs, name),
  labels: {},
  annotations: {},
  linux: { cgroup_parent: '', security_context: {} as PodSandboxConfig['linux']['security_context'] },
});

const container: ContainerConfig = {
  metadata: { name: 'main', attempt: 0 },
  image: { image: `docker.io/${sample}` } as ContainerConfig['image'],
  command: ['sleep', '3600'],
  args: [],
  envs: [],
  mounts: [],
  labels: {},
  annotations: {},
  log_path: 'main.log',
  linux: {
    resources: {} as ContainerConfig['linux']['resources'],
    security_context: {} as ContainerConfig['linux']['security_context'],
  },
};

/** Sandbox, create and start, one after the other, as little as a pod can be made of. */
export async function rawStartMs(socket: string, podStarts: number): Promise<number> {
  const cri = connectCri(socket);
  const logs = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const figures: number[] = [];
  for (let index = 0; index <= podStarts; index++) {
    const config = sandbox(`raw-${index}`, logs);
    const began = performance.now();
    const id = await cri.runPodSandbox(config, '');
    await cri.startContainer(await cri.createContainer(id, container, config));
    if (index > 0) figures.push(performance.now() - began);
    await cri.stopPodSandbox(id);
    await cri.removePodSandbox(id);
  }
  cri.close();
  rmSync(logs, { recursive: true });
  return median(figures);
}
