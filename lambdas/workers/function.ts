// The workers' function: one look at what waits and what is idle, and the size of the Auto Scaling group that follows. It keeps
// nothing between looks. See core/scheduler/workers/decide.ts.
import { podsPerWorker, reservedCpuMilli, reservedMemoryMiB, workerDiskGiB } from '../../aws/worker-capacity.ts';
import type { GroupState, InstanceOffer, WorkerGroup } from '../../aws/workers.ts';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { Taint } from '../../core/api/types.gen.ts';
import type { Client, ResourceRef } from '../../core/client/client.ts';
import { resources } from '../../core/client/resources.ts';
import { withSharedReads } from '../../core/hosting/shared-reads.ts';
import type { Log } from '../../core/ports.ts';
import type { StoredNode } from '../../core/scheduler/node-info.ts';
import type { StoredPod } from '../../core/scheduler/pod-info.ts';
import { decideWorkers, type NodePatch } from '../../core/scheduler/workers/decide.ts';
import type { WorkerOffer } from '../../core/scheduler/workers/growth.ts';
import type { Host } from '../host/caches.ts';
import { Waker } from '../host/wake.ts';

export interface WorkersHost extends Host {
  group: WorkerGroup;
  /** Instance types that the group starts. */
  types: readonly string[];
  marks: WorkerMarks;
  minimum: number;
  maximum: number;
  idleMs: number;
}

/** What the stack gives its workers, and where it is. */
export interface WorkerMarks {
  region: string;
  labels: Readonly<Record<string, string>>;
  taints: readonly Taint[];
}

/**
 * An instance has less memory than its type says: firmware and kernel take some before they count. Karpenter takes the same share off
 * (VM_MEMORY_OVERHEAD_PERCENT, https://karpenter.sh/docs/reference/settings/).
 */
const MEMORY_SHARE = 0.925;
/** And a file system less than its disk. */
const DISK_SHARE = 0.95;

/**
 * Of several types the least of each: what a new worker has in any case. Labels are those that workers register with (agent/node-status.ts,
 * worker/instance-files.ts), but for what differs among them or is not known before they are there. `zone`: the one that all workers are in.
 */
export function offerOf(
  types: readonly InstanceOffer[],
  { region, labels, taints }: WorkerMarks,
  zone?: string,
): WorkerOffer {
  const least = (of: (type: InstanceOffer) => number): number => Math.min(...types.map(of));
  const archs = new Set(types.map(({ arch }) => arch));
  const [only] = types;
  return {
    labels: {
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/os': 'linux',
      'topology.kubernetes.io/region': region,
      ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}),
      ...(archs.size === 1 ? { 'beta.kubernetes.io/arch': only!.arch, 'kubernetes.io/arch': only!.arch } : {}),
      ...(types.length === 1 ? { 'node.kubernetes.io/instance-type': only!.type } : {}),
      ...labels,
    },
    taints,
    allocatable: {
      cpu: `${least(({ cpuMilli }) => cpuMilli) - reservedCpuMilli}m`,
      memory: `${Math.floor(least(({ memoryMiB }) => memoryMiB) * MEMORY_SHARE - reservedMemoryMiB)}Mi`,
      'ephemeral-storage': `${Math.floor(workerDiskGiB * 1024 * DISK_SHARE)}Mi`,
      pods: String(podsPerWorker),
    },
  };
}

export interface WorkersFunction {
  /** Rejects when the cluster or AWS could not be asked; it is then due again in a minute. */
  look(byTick: boolean): Promise<void>;
}

/** After a failure. Who asked does not ask again: the scheduler does so once for each pod. */
const AGAIN_MS = 60_000;

export function workersFunction(host: WorkersHost): WorkersFunction {
  const { ports, store, hub, clientOf, group, types, marks, minimum, maximum, idleMs } = host;
  const client = withSharedReads(clientOf('workers'), store, hub);
  const waker = new Waker({ name: 'workers', store, clock: ports.clock });
  let offers: Promise<InstanceOffer[]> | undefined;
  const list = async (of: ResourceRef): Promise<KubeObject[]> => (await client.list(of)).items;

  /** Resolves to when to look again. */
  const settle = async (): Promise<number | undefined> => {
    offers ??= group.offers(types);
    offers.catch(() => {
      offers = undefined;
    });
    const [nodes, pods] = (await Promise.all([list(resources.nodes), list(resources.pods)])) as unknown as [
      StoredNode[],
      StoredPod[],
    ];
    const known = new Set(nodes.map(({ metadata }) => metadata.name));
    const state = await group.describe((id) => known.has(id));
    if (state.rebalances) await stopRebalancing(group, ports.log);
    const [namespaces, claims, volumes] = await Promise.all(
      [resources.namespaces, resources.persistentVolumeClaims, resources.persistentVolumes].map(list),
    );
    const plan = decideWorkers(
      {
        nodes,
        pods,
        namespaces: namespaces!,
        claims: claims!,
        volumes: volumes!,
        offer: offerOf(await offers, marks, state.zone),
        idleMs,
        group: { ...state, ...bounds(state, minimum, maximum) },
      },
      ports.clock.now(),
    );
    for (const patch of plan.patches) await patchNode(client, patch, ports.log);
    if (plan.desired !== undefined) await group.setDesired(plan.desired);
    for (const id of plan.end) await group.end(id);
    if (plan.desired !== undefined || plan.end.length > 0) {
      ports.log('info', 'workers-changed', { desired: plan.desired, ended: plan.end });
    }
    return plan.nextMs;
  };

  return {
    async look(byTick) {
      let nextMs: number | undefined = AGAIN_MS;
      try {
        nextMs = await settle();
      } finally {
        await waker.plan(nextMs, byTick);
      }
    },
  };
}

/** An emulator that knows no such thing moves nothing either. */
async function stopRebalancing(group: WorkerGroup, log: Log): Promise<void> {
  try {
    await group.stopRebalancing();
  } catch (error) {
    log('warn', 'rebalancing-not-stopped', { error: String(error) });
  }
}

/** The narrower of what the stack says and what the group has. */
const bounds = (state: GroupState, minimum: number, maximum: number) => ({
  minimum: Math.max(state.minimum, minimum),
  maximum: Math.min(state.maximum, maximum),
});

/** Who wrote in between is looked at the next time. */
async function patchNode(client: Client, { node, annotations, unschedulable }: NodePatch, log: Log): Promise<void> {
  const { name, uid, resourceVersion } = node.metadata;
  const patch = {
    metadata: { uid, resourceVersion, annotations },
    ...(unschedulable === undefined ? {} : { spec: { unschedulable } }),
  };
  try {
    await client.patch(resources.nodes, { name }, patch, { type: 'merge' });
  } catch (error) {
    if (!isStatus(error, 'Conflict', 'NotFound')) throw error;
    log('debug', 'worker-not-marked', { node: name, error: String(error) });
  }
}
