// What the agent's server is handed (server-port.ts), made from the agent's parts.

import { findContainer } from '../core/kubelet/containers.ts';
import type { Log } from '../core/ports.ts';
import type { Agent } from './agent.ts';
import { readNodeUsage } from './cgroups/usage.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import { labelKeys } from './cri/labels.ts';
import type { ContainerStats, UInt64Value } from './cri/messages.ts';
import type { Identity } from './identity.ts';
import { podLogFolder } from './pods/sandbox-config.ts';
import type { PodWorker } from './pods/worker.ts';
import type { Runtime } from './runtime.ts';
import type { ContainerUsage, PodUsage, ServedContainer, ServedPod, ServerPort } from './server-port.ts';

function servedPod(worker: PodWorker, runtime: Runtime, logDir: string): ServedPod {
  const observed = runtime.observed(worker.uid);
  const seen = new Set<string>();
  const containers: ServedContainer[] = [];
  for (const container of observed.containers) {
    if (seen.has(container.name)) continue;
    seen.add(container.name);
    const spec = findContainer(worker.pod, container.name)?.container;
    containers.push({
      name: container.name,
      id: container.id,
      attempt: container.attempt,
      running: container.state === 'running',
      tty: spec?.tty ?? false,
      stdin: spec?.stdin ?? false,
      stdinOnce: spec?.stdinOnce ?? false,
      logPath: `${logDir}/${podLogFolder(worker.pod)}/${container.name}/${container.attempt}.log`,
    });
  }
  const sandbox = observed.sandboxes[0];
  return {
    pod: { ...worker.pod, status: worker.memory.status ?? worker.pod.status },
    sandboxId: sandbox?.ready ? sandbox.id : undefined,
    // An address that is only pretended may be another machine's in earnest.
    podIP: runtime.pretends ? undefined : worker.memory.status?.podIP,
    containers,
  };
}

const number = (value: UInt64Value | null | undefined): number => Number(value?.value ?? 0);

function containerUsage(stats: ContainerStats): ContainerUsage {
  const nanoCores = stats.cpu?.usage_nano_cores ? number(stats.cpu.usage_nano_cores) : undefined;
  return {
    name: stats.attributes.metadata.name,
    timestampNs: Number(stats.cpu?.timestamp ?? stats.memory?.timestamp ?? 0),
    cpuUsageCoreNanoSeconds: number(stats.cpu?.usage_core_nano_seconds),
    ...(nanoCores !== undefined ? { cpuUsageNanoCores: nanoCores } : {}),
    memoryUsageBytes: number(stats.memory?.usage_bytes),
    memoryWorkingSetBytes: number(stats.memory?.working_set_bytes),
    memoryRssBytes: number(stats.memory?.rss_bytes),
  };
}

async function podUsage(agent: Agent, cri: Cri | undefined): Promise<PodUsage[]> {
  if (!cri) return [];
  const all = await cri.listContainerStats();
  const usages: PodUsage[] = [];
  for (const worker of agent.workers()) {
    const { namespace = '', name = '' } = worker.pod.metadata ?? {};
    const containers = all.filter((s) => s.attributes.labels[labelKeys.podUid] === worker.uid).map(containerUsage);
    usages.push({ namespace, name, uid: worker.uid, containers });
  }
  return usages;
}

export interface ServedDeps {
  config: ResolvedConfig;
  agent: Agent;
  runtime: Runtime;
  cri: Cri | undefined;
  identity: Identity;
  log: Log;
}

export function serverPort({ config, agent, runtime, cri, identity, log }: ServedDeps): ServerPort {
  const needCri = (): Cri => {
    if (!cri) throw new Error('this node only simulates its containers');
    return cri;
  };
  return {
    nodeName: config.nodeName,
    address: config.address,
    port: config.port,
    log,
    tls: () => ({ ...identity.serving()!, clientCa: identity.ca }),
    onTlsChange: (callback) => identity.onServingChange(callback),
    ring: () => agent.ring(),
    pods: () => [...agent.workers()].map((worker) => servedPod(worker, runtime, config.podLogDir)),
    pod: (namespace, name) => {
      const worker = agent.find(namespace, name);
      return worker && servedPod(worker, runtime, config.podLogDir);
    },
    execUrl: async (container_id, { command, ...streams }) =>
      needCri().exec({ container_id, cmd: command, ...streams }),
    attachUrl: async (container_id, streams) => needCri().attach({ container_id, ...streams }),
    portForwardUrl: async (sandboxId, ports) => needCri().portForward(sandboxId, ports),
    execSync: async (id, command, timeoutSeconds) => {
      const result = await needCri().execSync(id, command, timeoutSeconds);
      return {
        stdout: result.stdout.toString('utf8'),
        stderr: result.stderr.toString('utf8'),
        exitCode: result.exit_code,
      };
    },
    podUsage: () => podUsage(agent, cri),
    nodeUsage: async () => readNodeUsage(),
    logDir: config.podLogDir,
  };
}
