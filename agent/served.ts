// What the agent's server is handed (server-port.ts), made from the agent's parts.

import { type Family, prometheusText } from '../core/api/prometheus.ts';
import { findContainer } from '../core/kubelet/containers.ts';
import type { Log } from '../core/ports.ts';
import type { Agent } from './agent.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import type { Identity } from './identity.ts';
import type { AgentMetrics } from './metrics.ts';
import { podLogFolder } from './pods/sandbox-config.ts';
import type { PodWorker } from './pods/worker.ts';
import type { Runtime } from './runtime.ts';
import type { ServedContainer, ServedPod, ServerPort } from './server-port.ts';
import type { UsagePod, UsageSource } from './usage.ts';

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

/** The node's pods, as their usage is read. */
export const usagePods = (agent: Agent, runtime: Runtime): UsagePod[] =>
  [...agent.workers()].map((worker) => ({ uid: worker.uid, pod: worker.pod, observed: runtime.observed(worker.uid) }));

/** What runs now, under kubelet's names. */
function runningFamilies(agent: Agent, runtime: Runtime): Family[] {
  const observed = [...agent.workers()].map(({ uid }) => runtime.observed(uid));
  const states = new Map<string, number>();
  for (const { state } of observed.flatMap(({ containers }) => containers))
    states.set(state, (states.get(state) ?? 0) + 1);
  return [
    {
      name: 'kubelet_running_pods',
      type: 'gauge',
      help: 'Pods that have a sandbox that runs.',
      samples: [{ value: observed.filter(({ sandboxes }) => sandboxes[0]?.ready).length }],
    },
    {
      name: 'kubelet_running_containers',
      type: 'gauge',
      help: 'Containers by their state.',
      samples: [...states].map(([container_state, value]) => ({ labels: { container_state }, value })),
    },
  ];
}

const probeTypes = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

const probeFamily = (agent: Agent): Family => ({
  name: 'prober_probe_total',
  type: 'counter',
  help: 'Probes of containers by their result.',
  samples: [...agent.workers()].flatMap((worker) => {
    const { namespace = '', name: pod = '' } = worker.pod.metadata ?? {};
    return [...worker.probeCounts()].map(({ container, kind, outcome, count }) => ({
      labels: { container, namespace, pod, pod_uid: worker.uid, probe_type: probeTypes[kind], result: outcome },
      value: count,
    }));
  }),
});

export interface ServedDeps {
  config: ResolvedConfig;
  agent: Agent;
  runtime: Runtime;
  cri: Cri | undefined;
  usage: UsageSource;
  metrics: AgentMetrics;
  identity: Identity;
  log: Log;
}

export function serverPort({ config, agent, runtime, cri, usage, metrics, identity, log }: ServedDeps): ServerPort {
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
    podUsage: () => usage.pods(usagePods(agent, runtime)),
    nodeUsage: () => usage.node(usagePods(agent, runtime)),
    metrics: () => prometheusText(runningFamilies(agent, runtime)) + metrics.registry.text(),
    probeMetrics: () => prometheusText([probeFamily(agent)]),
    logDir: config.podLogDir,
  };
}
