// The Node object: made when the node joins, its status kept true. https://kubernetes.io/docs/reference/node/node-status/
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { isStatus } from '../core/api/errors.ts';
import type { ContainerImage, Node, NodeCondition, NodeStatus } from '../core/api/types.gen.ts';
import type { Client } from '../core/client/client.ts';
import { resources } from '../core/client/resources.ts';
import { timestamp } from '../core/ports.ts';
import type { ResolvedConfig } from './config.ts';
import type { Image, RuntimeStatus } from './cri/messages.ts';
import type { NodeFacts } from './node-facts.ts';

const minAvailableMemoryBytes = 100 * 1024 * 1024;
const minAvailableDisk = 0.1;
const maxUsedPids = 0.95;
const maxImages = 50;

export interface NodeHealth {
  runtime: { ready: boolean; message: string };
  memoryPressure: boolean;
  diskPressure: boolean;
  pidPressure: boolean;
}

/** Pressure of the machine itself, read from the kernel. */
export async function readPressure(stateDir: string): Promise<Omit<NodeHealth, 'runtime'>> {
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  const disk = await statfs(stateDir);
  const running = Number(/\d+\/(\d+)/.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1] ?? 0);
  const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
  return {
    memoryPressure: available < minAvailableMemoryBytes,
    diskPressure: disk.bavail / disk.blocks < minAvailableDisk,
    pidPressure: running / pidMax > maxUsedPids,
  };
}

interface Wording {
  type: string;
  bad: boolean;
  reasons: [string, string];
  messages: [string, string];
}

const pressures = (health: NodeHealth): Wording[] => [
  {
    type: 'MemoryPressure',
    bad: health.memoryPressure,
    reasons: ['KubeletHasSufficientMemory', 'KubeletHasInsufficientMemory'],
    messages: ['kubelet has sufficient memory available', 'kubelet has insufficient memory available'],
  },
  {
    type: 'DiskPressure',
    bad: health.diskPressure,
    reasons: ['KubeletHasNoDiskPressure', 'KubeletHasDiskPressure'],
    messages: ['kubelet has no disk pressure', 'kubelet has disk pressure'],
  },
  {
    type: 'PIDPressure',
    bad: health.pidPressure,
    reasons: ['KubeletHasSufficientPID', 'KubeletHasInsufficientPID'],
    messages: ['kubelet has sufficient PID available', 'kubelet has insufficient PID available'],
  },
];

export function nodeConditions(health: NodeHealth, before: readonly NodeCondition[], now: number): NodeCondition[] {
  const make = (type: string, status: string, reason: string, message: string): NodeCondition => {
    const old = before.find((c) => c.type === type && c.status === status);
    return {
      type,
      status,
      reason,
      message,
      lastHeartbeatTime: timestamp(now),
      lastTransitionTime: old?.lastTransitionTime ?? timestamp(now),
    };
  };
  const { ready, message } = health.runtime;
  return [
    ...pressures(health).map(({ type, bad, reasons, messages }) =>
      make(type, bad ? 'True' : 'False', reasons[bad ? 1 : 0], messages[bad ? 1 : 0]),
    ),
    ready
      ? make('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : make('Ready', 'False', 'KubeletNotReady', message),
  ];
}

/** The largest images, for the scheduler's image locality. */
export const imageList = (images: readonly Image[]): ContainerImage[] =>
  images
    .map((image) => ({ names: [...image.repo_digests, ...image.repo_tags], sizeBytes: Number(image.size) }))
    .filter((image) => image.names.length > 0)
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, maxImages);

export interface StatusParts {
  config: ResolvedConfig;
  facts: NodeFacts;
  /** The port that the agent's server really listens on. */
  port: number;
  health: NodeHealth;
  images: readonly Image[];
  runtime: RuntimeStatus | undefined;
  before: readonly NodeCondition[];
  now: number;
}

export function nodeStatus(parts: StatusParts): NodeStatus {
  const { config, facts, runtime } = parts;
  const handlers = runtime?.runtime_handlers ?? [];
  return {
    addresses: [
      { type: 'InternalIP', address: config.address },
      { type: 'Hostname', address: config.nodeName },
    ],
    capacity: facts.capacity,
    allocatable: facts.allocatable,
    conditions: nodeConditions(parts.health, parts.before, parts.now),
    daemonEndpoints: { kubeletEndpoint: { Port: parts.port } },
    nodeInfo: facts.info,
    images: imageList(parts.images),
    ...(handlers.length > 0
      ? {
          runtimeHandlers: handlers.map(({ name, features }) => ({
            name,
            features: {
              recursiveReadOnlyMounts: features?.recursive_read_only_mounts ?? false,
              userNamespaces: features?.user_namespaces ?? false,
            },
          })),
        }
      : {}),
    features: { supplementalGroupsPolicy: runtime?.features?.supplemental_groups_policy ?? false },
  };
}

export const nodeLabels = (config: ResolvedConfig, facts: NodeFacts): Record<string, string> => ({
  'beta.kubernetes.io/arch': facts.info.architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': facts.info.architecture,
  'kubernetes.io/hostname': config.nodeName,
  'kubernetes.io/os': 'linux',
  ...config.labels,
});

/** Makes the Node object, or puts its own labels right if it is there already. */
export async function registerNode(
  client: Client,
  config: ResolvedConfig,
  facts: NodeFacts,
  status: NodeStatus,
): Promise<void> {
  const labels = nodeLabels(config, facts);
  const spec = {
    ...(config.podCidr ? { podCIDR: config.podCidr, podCIDRs: [config.podCidr] } : {}),
    ...(config.providerId ? { providerID: config.providerId } : {}),
    ...(config.taints.length > 0 ? { taints: config.taints } : {}),
  };
  const annotations: Record<string, string> =
    config.runtime === 'simulated' ? { 'slipway.dev/runtime': 'simulated' } : {};
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: config.nodeName, labels, annotations },
    spec,
    status,
  };
  try {
    await client.create<Node>(resources.nodes, node);
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
    const present = await client.get<Node>(resources.nodes, { name: config.nodeName });
    const right = Object.entries(labels).every(([key, value]) => present.metadata?.labels?.[key] === value);
    if (!right)
      await client.patch(resources.nodes, { name: config.nodeName }, { metadata: { labels } }, { type: 'merge' });
  }
}
