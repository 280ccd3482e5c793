// A pod made by hand: the CRI calls alone, on the same containerd. Its agent is stopped meanwhile: it would remove what it does not know.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectCri } from '../agent/cri/client.ts';
import type { ContainerConfig, PodSandboxConfig } from '../agent/cri/messages.ts';
import { perSecond } from './measure.ts';
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

export interface RawCri {
  /** Milliseconds of sandbox, create and start, one after the other, as little as a pod can be made of. It is removed again. */
  podStartMs(name: string): Promise<number>;
  /** Seconds until so many run, so many made at a time. They are removed again. */
  crowdSeconds(count: number, atOnce: number): Promise<number>;
  close(): void;
}

/** @param agentPid of the agent that has this containerd */
export function rawCri(socket: string, agentPid: number): RawCri {
  const cri = connectCri(socket);
  const logs = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const start = async (name: string): Promise<string> => {
    const config = sandbox(name, logs);
    const id = await cri.runPodSandbox(config, '');
    await cri.startContainer(await cri.createContainer(id, container, config));
    return id;
  };
  const remove = async (id: string): Promise<void> => {
    await cri.stopPodSandbox(id);
    await cri.removePodSandbox(id);
  };
  const alone = async (work: () => Promise<number>): Promise<number> => {
    process.kill(agentPid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      process.kill(agentPid, 'SIGCONT');
    }
  };
  return {
    podStartMs: (name) =>
      alone(async () => {
        const began = performance.now();
        const id = await start(name);
        const took = performance.now() - began;
        await remove(id);
        return took;
      }),
    crowdSeconds: (count, atOnce) =>
      alone(async () => {
        const ids: string[] = [];
        const began = performance.now();
        await perSecond(count, atOnce, async (index) => void ids.push(await start(`crowd-${index}`)));
        const took = (performance.now() - began) / 1000;
        await perSecond(count, atOnce, (index) => remove(ids[index]!));
        return took;
      }),
    close() {
      cri.close();
      rmSync(logs, { recursive: true });
    },
  };
}
