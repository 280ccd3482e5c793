// The workers' function: one look at what waits and what is idle, and the size of the Auto Scaling group that follows. It keeps
// nothing between looks. See core/scheduler/workers/decide.ts.
import type { GroupState, InstanceOffer, WorkerGroup } from '../../aws/workers.ts';
import { isStatus } from '../../core/api/errors.ts';
import type { KubeObject } from '../../core/api/objects.ts';
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
  minimum: number;
  maximum: number;
  idleMs: number;
}

/** What the system of a worker keeps for itself, and what the machine's maker counts differently. */
const MEMORY_SHARE = 0.9;
const MEMORY_RESERVE_MIB = 100;
const PODS = 110;

/** Of several types the least of each: what a new worker has in any case. */
export function offerOf(types: readonly InstanceOffer[]): WorkerOffer {
  const least = (of: (type: InstanceOffer) => number): number => Math.min(...types.map(of));
  const archs = new Set(types.map(({ arch }) => arch));
  const [only] = types;
  return {
    labels: {
      'kubernetes.io/os': 'linux',
      ...(archs.size === 1 ? { 'kubernetes.io/arch': only!.arch } : {}),
      ...(types.length === 1 ? { 'node.kubernetes.io/instance-type': only!.type } : {}),
    },
    allocatable: {
      cpu: `${least(({ cpuMilli }) => cpuMilli)}m`,
      memory: `${Math.floor(least(({ memoryMiB }) => memoryMiB) * MEMORY_SHARE - MEMORY_RESERVE_MIB)}Mi`,
      pods: String(PODS),
    },
  };
}

export interface WorkersFunction {
  look(byTick: boolean): Promise<void>;
}

export function workersFunction(host: WorkersHost): WorkersFunction {
  const { ports, store, hub, clientOf, group, types, minimum, maximum, idleMs } = host;
  const client = withSharedReads(clientOf('workers'), store, hub);
  const waker = new Waker({ name: 'workers', store, clock: ports.clock });
  let offer: Promise<WorkerOffer> | undefined;
  const list = async (of: ResourceRef): Promise<KubeObject[]> => (await client.list(of)).items;

  return {
    async look(byTick) {
      offer ??= group.offers(types).then(offerOf);
      offer.catch(() => {
        offer = undefined;
      });
      const [nodes, pods] = (await Promise.all([list(resources.nodes), list(resources.pods)])) as unknown as [
        StoredNode[],
        StoredPod[],
      ];
      const known = new Set(nodes.map(({ metadata }) => metadata.name));
      const state = await group.describe((id) => known.has(id));
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
          offer: await offer,
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
      await waker.plan(plan.nextMs, byTick);
    },
  };
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
