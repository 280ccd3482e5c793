// The two drivers of the Runtime port, put together for a node.
import { mkdir, readFile } from 'node:fs/promises';
import type { Client } from '../core/client/client.ts';
import type { Log } from '../core/ports.ts';
import { Cgroups, detectCgroups } from './cgroups/cgroups.ts';
import { Checkpoint } from './checkpoint/checkpoint.ts';
import type { ResolvedConfig } from './config.ts';
import type { Cri } from './cri/client.ts';
import { connectCri } from './cri/client.ts';
import { CriRuntime } from './cri/driver.ts';
import type { Observer } from './cri/observer.ts';
import { Images, type NodeCredentials } from './images/images.ts';
import type { AgentMetrics } from './metrics.ts';
import type { NodeFacts } from './node-facts.ts';
import type { ObjectCache } from './objects.ts';
import { parseResolvConf } from './pods/dns.ts';
import type { Runtime } from './runtime.ts';
import { SimulatedRuntime } from './simulated/driver.ts';
import { PretendedUsage } from './simulated/usage.ts';
import { CgroupUsage, type UsageSource } from './usage.ts';
import { VolumeManager } from './volumes/manager.ts';
import { mount, mountsBelow } from './volumes/mounts.ts';
import { TokenCache } from './volumes/tokens.ts';

export interface RuntimeParts {
  runtime: Runtime;
  cri: Cri | undefined;
  observer: Observer | undefined;
  usage: UsageSource;
  /** `containerd://1.6.20`. */
  runtimeVersion: string;
  /** To be called before the first pod. */
  setFacts(facts: NodeFacts): void;
}

/** One tmpfs holds the files of all secrets and tokens: a mount for each would cost every pod's start. */
async function secretsFolder(stateDir: string): Promise<string> {
  const folder = `${stateDir}/secrets`;
  await mkdir(folder, { recursive: true, mode: 0o711 });
  if (!(await mountsBelow(folder)).includes(folder)) await mount(['-t', 'tmpfs', '-o', 'mode=0711', 'tmpfs', folder]);
  return folder;
}

/** Nodes with an identity of AWS open ECR's registries with it; others do without its libraries. */
async function nodeCredentials({ identity }: ResolvedConfig): Promise<NodeCredentials | undefined> {
  if (!identity) return undefined;
  const { ecrCredentials } = await import('../aws/ecr/client.ts');
  return ecrCredentials();
}

export async function containerdRuntime(
  config: ResolvedConfig,
  client: Client,
  objects: ObjectCache,
  metrics: AgentMetrics,
  log: Log,
): Promise<RuntimeParts> {
  const cri = connectCri(config.containerdSocket!, (...call) => metrics.operation(...call));
  const [version, secretsDir, resolvConf] = await Promise.all([
    cri.version(),
    secretsFolder(config.stateDir),
    readFile(config.resolvConf, 'utf8').catch(() => ''),
  ]);
  const facts: Pick<NodeFacts, 'allocatable' | 'memoryBytes'> = {
    allocatable: {},
    memoryBytes: Number.MAX_SAFE_INTEGER,
  };
  const tokens = new TokenCache(client, () => Date.now());
  const cgroups = new Cgroups(detectCgroups(), config.cgroupRoot);
  const runtime = new CriRuntime({
    cri,
    config,
    sources: objects,
    volumes: new VolumeManager({
      podsDir: config.podsDir,
      secretsDir,
      sources: objects,
      token: (pod, projection) => tokens.get(pod, projection),
      memoryBytes: () => facts.memoryBytes,
      forget: (uid) => tokens.forget(uid),
    }),
    cgroups,
    images: new Images(cri, objects, await nodeCredentials(config)),
    dns: { clusterDns: config.clusterDns, clusterDomain: config.clusterDomain, host: parseResolvConf(resolvConf) },
    memoryBytes: () => facts.memoryBytes,
    allocatable: () => facts.allocatable,
    log,
  });
  return {
    runtime,
    cri,
    observer: runtime.observer,
    usage: new CgroupUsage(cgroups, () => Date.now()),
    runtimeVersion: `${version.runtime_name}://${version.runtime_version.replace(/^v|[~-].*$/g, '')}`,
    setFacts: (found) => Object.assign(facts, { allocatable: found.allocatable, memoryBytes: found.memoryBytes }),
  };
}

export function simulatedRuntime(config: ResolvedConfig): RuntimeParts {
  const runtime = new SimulatedRuntime(() => Date.now(), config.podCidr ?? '10.201.0.0/16');
  for (const { pod, memory } of new Checkpoint(config.stateDir, () => {}).load()) {
    runtime.adopt({ ...pod, status: memory.status ?? pod.status });
  }
  return {
    runtime,
    cri: undefined,
    observer: undefined,
    usage: new PretendedUsage(() => Date.now()),
    runtimeVersion: 'simulated://1',
    setFacts: () => {},
  };
}
