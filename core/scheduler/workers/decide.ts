// The size of a group of workers: more when pods fit nowhere, fewer when workers have had nothing to do for a while. Ending one
// takes three looks: idle for long enough, cordoned, and still idle; so that no pod arrives on a worker that goes. What is known
// of a worker stands on its node object, so that looks need no memory and two at once do no harm.
import { isNodeReady } from '../../api/node-ready.ts';
import { timestamp } from '../../ports.ts';
import type { StoredNode } from '../node-info.ts';
import { isTerminal, type StoredPod } from '../pod-info.ts';
import { type ClusterObjects, isUnschedulable, neededWorkers, type WorkerOffer } from './growth.ts';

export interface WorkerInstance {
  id: string;
  /** Running, or on its way to. What is going is not listed. */
  launchedMs: number | undefined;
}

export interface ObservedWorkers extends ClusterObjects {
  group: { desired: number; minimum: number; maximum: number; instances: readonly WorkerInstance[] };
  offer: WorkerOffer;
  /** How long a worker has nothing to do before it is ended. */
  idleMs: number;
}

export interface NodePatch {
  node: StoredNode;
  annotations: Record<string, string | null>;
  unschedulable?: boolean;
}

export interface WorkersPlan {
  /** What the group's desired capacity is to be raised to; undefined: it stays. */
  desired: number | undefined;
  patches: readonly NodePatch[];
  /** Instances to be ended, the desired capacity lowered by each. */
  end: readonly string[];
  /** Look again after this long; undefined: only when asked. */
  nextMs: number | undefined;
}

/** RFC 3339: since when the worker has nothing to do; since when it takes no more pods because it is to end. */
export const idleSince = 'slipway.dev/idle-since';
export const endingSince = 'slipway.dev/ending-since';

/** Bindings that were decided before the worker was cordoned have long been made. */
const SETTLE_MS = 60_000;
/** A worker that has not registered by then never will. */
const START_LIMIT_MS = 900_000;
const LOOK_EVERY_MS = 300_000;
const SOON_MS = 60_000;

const mirror = 'kubernetes.io/config.mirror';

/** Pods that are on every node, or that the node made itself, keep no worker. */
const keepsWorker = (pod: StoredPod): boolean =>
  !isTerminal(pod) &&
  pod.metadata.annotations?.[mirror] === undefined &&
  !pod.metadata.ownerReferences?.some(({ kind, controller }) => controller && kind === 'DaemonSet');

const sinceMs = (node: StoredNode, annotation: string): number | undefined => {
  const text = node.metadata.annotations?.[annotation];
  return text === undefined ? undefined : Date.parse(text);
};

export function decideWorkers(observed: ObservedWorkers, nowMs: number): WorkersPlan {
  const { group, nodes, pods, offer } = observed;
  const byName = new Map(nodes.map((node) => [node.metadata.name, node]));
  const own = group.instances.flatMap(({ id }) => byName.get(id) ?? []);
  const ageMs = (instance: WorkerInstance): number => nowMs - (instance.launchedMs ?? nowMs);
  const isStarting = (instance: WorkerInstance): boolean => {
    const node = byName.get(instance.id);
    return (!node || !isNodeReady(node)) && ageMs(instance) < START_LIMIT_MS;
  };
  // Asked for, and no instance yet.
  const coming = Math.max(0, group.desired - group.instances.length);
  const starting = coming + group.instances.filter(isStarting).length;
  // A worker that we cordoned would do as well as a new one.
  const usable = nodes.map((node) => (sinceMs(node, endingSince) === undefined ? node : uncordoned(node)));
  const room = Math.max(0, group.maximum - group.desired);
  const growth = neededWorkers({ ...observed, nodes: usable }, starting, offer, room);
  const broken = group.instances.filter((one) => !byName.has(one.id) && ageMs(one) >= START_LIMIT_MS);
  const busy = new Set(pods.filter(keepsWorker).flatMap(({ spec }) => spec?.nodeName ?? []));
  const shrink = decideShrink(own, observed, growth.wanted, busy, broken.length, nowMs);
  const minimum = Math.min(group.minimum, group.maximum);
  const desired = Math.min(group.maximum, Math.max(group.desired + growth.workers, minimum));
  const isChanging = growth.workers > 0 || starting > 0 || pods.some(isUnschedulable);
  const nextMs = Math.min(
    isChanging ? SOON_MS : Number.POSITIVE_INFINITY,
    group.instances.length > group.minimum ? LOOK_EVERY_MS : Number.POSITIVE_INFINITY,
    shrink.nextMs,
  );
  return {
    desired: desired > group.desired ? desired : undefined,
    patches: shrink.patches,
    end: [...broken.map(({ id }) => id), ...shrink.end],
    nextMs: Number.isFinite(nextMs) ? nextMs : undefined,
  };
}

const uncordoned = (node: StoredNode): StoredNode => {
  const taints = node.spec?.taints?.filter(({ key }) => key !== 'node.kubernetes.io/unschedulable');
  return { ...node, spec: { ...node.spec, unschedulable: false, ...(taints ? { taints } : {}) } };
};

interface Shrink {
  patches: NodePatch[];
  end: string[];
  nextMs: number;
}

function decideShrink(
  own: readonly StoredNode[],
  { group, idleMs }: ObservedWorkers,
  wanted: ReadonlySet<string>,
  busy: ReadonlySet<string>,
  ended: number,
  nowMs: number,
): Shrink {
  const shrink: Shrink = { patches: [], end: [], nextMs: Number.POSITIVE_INFINITY };
  let surplus = group.desired - ended - group.minimum;
  const soon = (ms: number): void => {
    shrink.nextMs = Math.min(shrink.nextMs, Math.max(0, ms));
  };
  // Who has been idle for longest goes first; who is on its way out already, before all.
  const order = [...own].sort((a, b) => rank(a) - rank(b));
  for (const node of order) {
    const { name } = node.metadata;
    const idleMsSince = sinceMs(node, idleSince);
    const endingMsSince = sinceMs(node, endingSince);
    if (busy.has(name) || wanted.has(name)) {
      if (idleMsSince === undefined && endingMsSince === undefined) continue;
      const annotations = { [idleSince]: null, [endingSince]: null };
      shrink.patches.push({ node, annotations, ...(endingMsSince === undefined ? {} : { unschedulable: false }) });
    } else if (idleMsSince === undefined) {
      shrink.patches.push({ node, annotations: { [idleSince]: timestamp(nowMs) } });
      soon(idleMs);
    } else if (surplus <= 0) {
      if (endingMsSince !== undefined)
        shrink.patches.push({ node, annotations: { [endingSince]: null }, unschedulable: false });
    } else if (nowMs - idleMsSince < idleMs) {
      soon(idleMsSince + idleMs - nowMs);
    } else if (endingMsSince === undefined) {
      // Somebody else's cordon is not ours to use.
      if (node.spec?.unschedulable) continue;
      surplus--;
      shrink.patches.push({ node, annotations: { [endingSince]: timestamp(nowMs) }, unschedulable: true });
      soon(SETTLE_MS);
    } else {
      surplus--;
      if (nowMs - endingMsSince >= SETTLE_MS) shrink.end.push(name);
      else soon(endingMsSince + SETTLE_MS - nowMs);
    }
  }
  return shrink;
}

const rank = (node: StoredNode): number =>
  (sinceMs(node, endingSince) === undefined ? 1e15 : 0) + (sinceMs(node, idleSince) ?? 1e14);
