// One node, put together: what it is, who it is, what it runs, and how it enters its cluster.
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeSyncResponse } from '../core/api/node-sync.ts';
import type { KubeObject } from '../core/api/objects.ts';
import { podApiNames } from '../core/api/pod-api.ts';
import type { Client } from '../core/client/client.ts';
import { EventRecorder } from '../core/client/event-recorder.ts';
import { httpClient } from '../core/client/http.ts';
import type { Log } from '../core/ports.ts';
import { Agent } from './agent.ts';
import { apiFetch } from './api-fetch.ts';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import { startNodeDns } from './dns/node-dns.ts';
import { collectGarbage } from './garbage.ts';
import { keepHouse } from './housekeeping.ts';
import { Identity } from './identity.ts';
import { AgentMetrics } from './metrics.ts';
import { OverlayKeeper } from './net/overlay/keeper.ts';
import { ServiceRulesKeeper } from './net/services/apply.ts';
import { readNodeFacts } from './node-facts.ts';
import { machinePorts } from './node-ports.ts';
import { NodeReporter } from './node-reporter.ts';
import { ObjectCache } from './objects.ts';
import { startPodApi } from './pod-api/pod-api.ts';
import type { RuntimeParts } from './runtimes.ts';
import { containerdRuntime, simulatedRuntime } from './runtimes.ts';
import { serverPort, usagePods } from './served.ts';
import { startServer } from './server/server.ts';
import { ManifestFiles } from './static/manifest-files.ts';
import { callSync } from './sync-call.ts';

const retryMs = 1000;
/** Longer than most starts of a pod take, whose events would compete with the start itself. */
const eventHoldMs = 500;

function readToken(config: ResolvedConfig): string | undefined {
  if (!config.bootstrapTokenFile) return undefined;
  try {
    return readFileSync(config.bootstrapTokenFile, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Tries until it succeeds; the control plane may start after the node. */
async function insist(what: string, log: Log, step: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (tries % 10 === 0) log('warn', `${what} failed, trying again`, { error: (error as Error).message });
      await sleep(Math.min(retryMs, 100 * 2 ** tries));
    }
  }
}

type Fetch = (request: Request) => Promise<Response>;

/** As the configuration says who the node is: by certificate, or by tokens of the instance's role. */
async function fetchOf(config: ResolvedConfig, identity: Identity, log: Log): Promise<Fetch> {
  const { fetch: send } = apiFetch(() => identity.credentials());
  if (!config.identity) return (request) => send(request);
  // nodes outside AWS do without its libraries
  const [{ awsCredentials }, { TokenSource }, { iamFetch }] = await Promise.all([
    import('../aws/identity/credentials.ts'),
    import('../aws/identity/token-source.ts'),
    import('./iam-fetch.ts'),
  ]);
  const { cluster, region, endpoint } = config.identity;
  const tokens = new TokenSource({ credentials: awsCredentials(), region, cluster, endpoint, now: () => Date.now() });
  return iamFetch({ tokens, send, log });
}

/** Simulated nodes have no network of their own. */
function serviceRulesOf(config: ResolvedConfig, objects: ObjectCache, log: Log): ServiceRulesKeeper | undefined {
  if (config.runtime !== 'containerd') return undefined;
  const { nodeName, address, podCidr, serviceCidr, stateDir } = config;
  const node = { name: nodeName, address, podRange: podCidr, serviceRange: serviceCidr };
  return new ServiceRulesKeeper({ network: objects.network, node, folder: stateDir, log });
}

interface Started {
  agent: Agent;
  identity: Identity;
  client: Client;
  cri: Cri | undefined;
  objects: ObjectCache;
  parts: RuntimeParts;
  metrics: AgentMetrics;
  recorder: EventRecorder;
  reporter: NodeReporter;
}

async function assemble(
  config: ResolvedConfig,
  log: Log,
  onAnswer: (answer: NodeSyncResponse) => void,
): Promise<Started> {
  await mkdir(config.podsDir, { recursive: true, mode: 0o750 });
  await mkdir(config.podLogDir, { recursive: true, mode: 0o755 });
  const identity = new Identity({
    nodeName: config.nodeName,
    address: config.address,
    stateDir: config.stateDir,
    ca: readFileSync(config.caFile, 'utf8'),
    bootstrapToken: readToken(config),
    iam: config.identity !== undefined,
    ...(config.podApi ? { api: { dnsNames: podApiNames(config.clusterDomain), address: config.podApi.address } } : {}),
    log,
  });
  const fetch = await fetchOf(config, identity, log);
  const client = httpClient({ baseUrl: config.apiUrl, fetch, userAgent: 'slipway-agent' });
  const objects = new ObjectCache();
  const metrics = new AgentMetrics(config.nodeName);
  const parts =
    config.runtime === 'simulated'
      ? simulatedRuntime(config)
      : await containerdRuntime(config, client, objects, metrics, log);
  const facts = await readNodeFacts(config, parts.runtimeVersion);
  parts.setFacts(facts);
  const recorder = new EventRecorder({
    client,
    ports: machinePorts(log),
    component: 'kubelet',
    host: config.nodeName,
    holdMs: eventHoldMs,
    deliver: (events) => agent.sync.reportEvents(events),
  });
  const services = serviceRulesOf(config, objects, log);
  const { overlay, address, stateDir } = config;
  if (overlay) new OverlayKeeper({ plan: { ...overlay, address }, peers: objects.network, folder: stateDir, log });
  const agent = new Agent({
    nodeName: config.nodeName,
    hostIPs: [config.address],
    runtime: parts.runtime,
    objects,
    client,
    call: async (request) => {
      const answer = await callSync(client, config.nodeName, request);
      services?.nodeSeen(answer.node);
      reporter.seen(answer.node);
      queueMicrotask(() => onAnswer(answer));
      return answer;
    },
    recordEvent: (pod: KubeObject, event, fieldPath) =>
      recorder.record(pod, event.type, event.reason, event.message, fieldPath ? { fieldPath } : {}),
    checkpoint: new Checkpoint(config.stateDir, log),
    abilities: () => reporter.abilities(),
    ownNode: () => reporter.ownNode(),
    podStarted: (seconds) => metrics.podStarted(seconds),
    leaseDurationSeconds: config.leaseDurationSeconds,
    peers: config.overlay !== undefined,
    syncIntervalMs: config.syncIntervalSeconds * 1000,
    now: () => Date.now(),
    log,
  });
  const reporter = new NodeReporter({
    config,
    facts,
    client,
    runtime: parts.runtime,
    cri: parts.cri,
    sync: agent.sync,
    log,
  });
  return { agent, identity, client, cri: parts.cri, objects, parts, metrics, recorder, reporter };
}

/** Joins, registers, syncs; then the certificate of the server, and the server. */
async function enter(
  config: ResolvedConfig,
  log: Log,
  { agent, identity, client, cri, parts, metrics, reporter }: Started,
): Promise<void> {
  await insist('joining', log, () => identity.join(client));
  await insist('registering the node', log, () => reporter.register());
  agent.connect();
  log('info', 'node registered', { node: config.nodeName });
  await insist('getting the serving certificate', log, () => identity.keep(client));
  const port = serverPort({ config, agent, runtime: parts.runtime, cri, usage: parts.usage, metrics, identity, log });
  const server = await startServer(port);
  reporter.serving(server.port);
  // A process that is killed leaves its compiled (and stripped) sources to the next one too.
  flushCompileCache();
  agent.ring(); // who rang before the server stood was not heard
  log('info', 'agent serves', { port: server.port, rssMiB: Math.round(process.memoryUsage.rss() / 1048576) });
}

/** With the certificate of an earlier process at once, otherwise as soon as the node has one. */
function offerApi(config: ResolvedConfig, log: Log, { identity, client }: Started, entered: Promise<void>): void {
  const { podApi, apiUrl } = config;
  if (!podApi) return;
  const hasCertificate = entered.then(() =>
    insist('getting the certificate in the name of the API', log, () => identity.keepApi(client)),
  );
  const certificate = () => identity.api()!;
  const onRenewal = (callback: () => void): void => identity.onApiChange(callback);
  const ready = identity.api() ? Promise.resolve() : hasCertificate;
  void startPodApi({ ...podApi, apiUrl, certificate, onRenewal, log }, ready);
}

export interface RunningNode {
  agent: Agent;
  client: Client;
  /** Writes an event about the node itself, in the background. */
  tell(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/**
 * Adopts what runs, then enters the cluster in the background, however long the control plane is away.
 * @param onAnswer told of each answer to a sync, after the agent took it
 */
export async function startNode(
  config: ResolvedConfig,
  log: Log,
  onAnswer: (answer: NodeSyncResponse) => void = () => {},
): Promise<RunningNode> {
  const started = await assemble(config, log, onAnswer);
  const { agent, client, cri, objects, parts, metrics, recorder, reporter } = started;
  const tell: RunningNode['tell'] = (type, reason, message) => {
    const node: KubeObject = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: config.nodeName, uid: config.nodeName },
    };
    recorder.record(node, type, reason, message);
  };
  const { nodeDns } = config;
  if (nodeDns && cri)
    startNodeDns({
      config: { ...config, ...nodeDns },
      objects: objects.network,
      complete: () => objects.complete(),
      metrics: metrics.registry,
      log,
      tell,
    });
  await agent.start();
  const { staticPodPath: path, nodeName } = config;
  if (path) {
    await reporter.learnAbilities();
    await new ManifestFiles({ path, nodeName, changed: (pods) => agent.runStatic(pods), log }).start();
  } else agent.runStatic([]); // what ran while there was a path
  log('info', 'agent started', { runtime: config.runtime, pods: [...agent.workers()].length });
  const { observer } = parts;
  if (cri && observer) {
    const keepUsage = (): void => parts.usage.keep(usagePods(agent, parts.runtime));
    keepHouse({ agent, config, cri, observer, keepUsage, log });
    collectGarbage({ agent, config, runtime: parts.runtime, cri, observer, tell, log });
  }
  offerApi(config, log, started, enter(config, log, started));
  return { agent, client, tell };
}
