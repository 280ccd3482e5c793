// Starts every controller over shared caches. One call a process; two processes at once do no harm.
import type { MetricRegistry } from '../api/prometheus.ts';
import type { Client } from '../client/client.ts';
import { Informers } from '../client/informers.ts';
import type { Ports } from '../ports.ts';
import { builtInControllers } from './built-in.ts';
import type { Heartbeats } from './node-lifecycle/heartbeats.ts';
import { QueueMetrics } from './queue-metrics.ts';
import { ControllerRunner } from './runner.ts';

export interface SigningRequest {
  /** PEM of the certificate signing request. */
  csrPem: string;
  /** Key usages as the CertificateSigningRequest names them ("client auth"). */
  usages: string[];
  durationSeconds: number;
}

export interface ControllerDeps {
  client: Client;
  ports: Ports;
  /** Shared with the scheduler of the same process, started (or caught up) by who made them; made and started here when absent. */
  informers?: Informers;
  /** PEM bundle published as kube-root-ca.crt in every namespace; without it none is published. */
  rootCa?: string;
  /** Signs with the cluster's CA; without it approved requests stay unsigned. PEM out. */
  signCertificate?: (request: SigningRequest) => Promise<string>;
  /** How long nodes are silent, for who comes and goes; by this process's own clock when absent. */
  heartbeats?: Heartbeats;
  /** How long a node may be silent, unless its lease lasts longer; 40 seconds when absent. */
  nodeMonitorGraceMs?: number | undefined;
  /** Services of type LoadBalancer get the nodes' own addresses: there is no other load balancer. */
  balanceByNodes?: boolean;
  /** Services of type LoadBalancer without a class are told how to ask for one that costs by the hour. */
  balanceWhenAsked?: boolean;
  /** Where their queues are counted; nowhere when absent. */
  metrics?: MetricRegistry;
  /** Names of the controllers to run; all when absent. */
  only?: readonly string[];
}

export interface RunningControllers {
  /** Resolves once every cache has its first list and the controllers run. */
  synced: Promise<void>;
  /** Nothing is being worked on and nothing waits to be, delays aside. */
  readonly idle: boolean;
  /** Resolves once it is idle and events are written; while paused, once what was begun is done. */
  whenIdle(): Promise<void>;
  /** Has every key looked at again, of the controllers named or of all. */
  resync(names?: readonly string[]): void;
  /** Begins nothing more until `resume`; what waits is kept. */
  pause(): void;
  resume(): void;
  /** Resolves once nothing is being worked on. */
  stop(): Promise<void>;
}

export function startControllers(deps: ControllerDeps): RunningControllers {
  const { client, ports, only } = deps;
  const informers = deps.informers ?? new Informers(client, ports);
  const counted = deps.metrics ? { queueMetrics: new QueueMetrics(deps.metrics, ports.clock) } : {};
  const runners = builtInControllers({ ...deps, informers })
    .filter(({ name }) => !only || only.includes(name))
    .map((controller) => new ControllerRunner(controller, { client, ports, informers, ...counted }));
  let stopped = false;
  if (!deps.informers) informers.start();
  const startOne = async (runner: ControllerRunner<unknown>): Promise<void> => {
    await Promise.all(runner.controller.watches.map((of) => informers.for(of).whenSynced()));
    if (!stopped) await runner.start();
  };
  return {
    synced: Promise.all(runners.map(startOne)).then(() => undefined),
    get idle() {
      return runners.every((runner) => runner.idle);
    },
    whenIdle: async () => {
      await Promise.all(runners.map((runner) => runner.whenIdle()));
    },
    resync: (names) => {
      for (const runner of runners) if (!names || names.includes(runner.controller.name)) runner.resync();
    },
    pause: () => {
      for (const runner of runners) runner.pause();
    },
    resume: () => {
      for (const runner of runners) runner.resume();
    },
    stop: async () => {
      stopped = true;
      await Promise.all(runners.map((runner) => runner.stop()));
      if (!deps.informers) informers.stop();
    },
  };
}
