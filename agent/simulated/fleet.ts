// Many simulated nodes in one process, for benches and tests of scale: each is an agent without server, certificate or
// checkpoint, on a client that may do everything (or acts as the node).
import type { NodeCondition, NodeStatus } from '../../core/api/types.gen.ts';
import type { Client } from '../../core/client/client.ts';
import type { Log } from '../../core/ports.ts';
import { Agent, type AgentDeps } from '../agent.ts';
import { resolveConfig } from '../config.ts';
import type { NodeFacts } from '../node-facts.ts';
import { architecture, kubeletVersion } from '../node-facts.ts';
import { nodeStatus, registerNode } from '../node-status.ts';
import { ObjectCache } from '../objects.ts';
import { callSync } from '../sync-call.ts';
import { SimulatedRuntime } from './driver.ts';

export interface FleetOptions {
  client: Client;
  log: Log;
  /** Quantities of each node. */
  capacity: { cpu: string; memory: string; pods: string };
  /** Seconds; the control plane may ask for more frequent calls. */
  syncIntervalSeconds: number;
  leaseDurationSeconds: number;
  labels?: Record<string, string>;
  /** Writes an event about a pod; absent: nobody is told. */
  recordEvent?: AgentDeps['recordEvent'];
  /** As nodes of AWS, which find the way to each other's pods themselves. */
  peers?: boolean;
}

export interface SimulatedNode {
  name: string;
  agent: Agent;
  /** The doorbell. */
  ring(): void;
  /** Sends the node's status, which has not changed, as an agent does every few minutes. */
  report(): void;
}

const healthy = {
  runtime: { ready: true, message: '' },
  memoryPressure: false,
  diskPressure: false,
  pidPressure: false,
};

/** Registers the node and begins to sync. @param index makes its addresses its own (up to 65,536 nodes) */
export async function startSimulatedNode(name: string, index: number, options: FleetOptions): Promise<SimulatedNode> {
  const { client, log } = options;
  const capacity = { ...options.capacity, 'ephemeral-storage': '100Gi' };
  const podCidr = `10.${128 + (index >> 8)}.${index & 255}.0/24`;
  const address = `100.64.${index >> 8}.${index & 255}`;
  const config = resolveConfig({
    clusterName: '',
    nodeName: name,
    apiUrl: '',
    caFile: '',
    runtime: 'simulated',
    stateDir: '',
    cgroupRoot: '',
    address,
    port: 0,
    podCidr,
    clusterDns: [],
    clusterDomain: 'cluster.local',
    labels: options.labels ?? {},
  });
  const facts: NodeFacts = {
    capacity,
    allocatable: capacity,
    memoryBytes: 0,
    info: {
      architecture: architecture(),
      bootID: '',
      containerRuntimeVersion: 'simulated://1',
      kernelVersion: '',
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: name,
      operatingSystem: 'linux',
      osImage: 'simulated',
      systemUUID: name,
    },
  };
  const statusNow = (before: readonly NodeCondition[]): NodeStatus =>
    nodeStatus({
      config,
      facts,
      port: 0,
      health: healthy,
      images: [],
      runtime: undefined,
      before: [...before],
      now: Date.now(),
    });
  const status = statusNow([]);
  await registerNode(client, config, facts, status);
  const agent = new Agent({
    nodeName: name,
    hostIPs: [address],
    runtime: new SimulatedRuntime(() => Date.now(), podCidr),
    objects: new ObjectCache(),
    client,
    call: (request) => callSync(client, name, request),
    recordEvent: options.recordEvent ?? (() => undefined),
    ownNode: () => ({ metadata: { name }, status }),
    abilities: () => ({ userNamespaces: false, supplementalGroupsPolicy: false, allowedUnsafeSysctls: [] }),
    leaseDurationSeconds: options.leaseDurationSeconds,
    peers: options.peers ?? false,
    syncIntervalMs: options.syncIntervalSeconds * 1000,
    now: () => Date.now(),
    log,
  });
  await agent.start();
  agent.connect();
  agent.sync.reportNode(status);
  const report = (): void => agent.sync.reportNode(statusNow(status.conditions ?? []));
  return { name, agent, ring: () => agent.ring(), report };
}
