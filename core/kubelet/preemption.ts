// Room for a critical pod on a node that is full: which pods are ended so that it can be admitted, as few and as small as can be.
// https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/; the rules are kubelet's
// (pkg/kubelet/preemption).
import type { Node, Pod } from '../api/types.gen.ts';
import {
  misfit,
  type NodeAbilities,
  type Rejection,
  requestsOf,
  type Shortage,
  shortages,
  units,
} from './admission.ts';
import { isTerminal } from './phase.ts';
import { qosClass } from './qos.ts';

/** The lowest priority that Kubernetes keeps for itself (`system-cluster-critical`). */
const criticalPriority = 2_000_000_000;

/** Static pods are, whatever their priority; who has them from a manifest of its own knows. */
export const isCriticalPod = (pod: Pod, isStatic: boolean): boolean =>
  isStatic || (pod.spec?.priority ?? 0) >= criticalPriority;

/** Reason of status and event of a pod that made room, and what they say. */
export const preempting = 'Preempting';
export const preemptedMessage = 'Preempted in order to admit critical pod';

export interface Resident {
  uid: string;
  pod: Pod;
  critical: boolean;
  /** It was told to end, and its containers have not ended yet. */
  ending: boolean;
}

export interface Entry {
  /** Absent: the pod may run here. */
  rejection?: Rejection;
  /** Uids of the pods that are to be ended for it. */
  preempt: string[];
  /** Uids of the pods that have to have ended before it starts. */
  waitsFor: string[];
}

interface Candidate extends Resident {
  amount(resource: string): number;
}

/** Of resources, how much is missing still; only what is missing. */
type Missing = ReadonlyMap<string, number>;

const missingOf = (short: readonly Shortage[]): Missing =>
  new Map(short.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]));

function candidate(resident: Resident): Candidate {
  const requests = requestsOf(resident.pod);
  const amount = (resource: string): number => (resource === 'pods' ? 1 : units(resource, requests[resource] ?? '0'));
  return { ...resident, amount };
}

function without(missing: Missing, pods: readonly Candidate[]): Missing {
  const left = new Map<string, number>();
  for (const [resource, amount] of missing) {
    const rest = pods.reduce((sum, pod) => sum - pod.amount(resource), amount);
    if (rest > 0) left.set(resource, rest);
  }
  return left;
}

/** How far from enough the pod alone is: the part of each resource that would be missing still, squared, summed. */
function distance(missing: Missing, pod: Candidate): number {
  let sum = 0;
  for (const [resource, amount] of missing) sum += (Math.max(amount - pod.amount(resource), 0) / amount) ** 2;
  return sum;
}

/** Of equals the one that came last. */
function isSmaller(a: Candidate, b: Candidate): boolean {
  for (const resource of ['memory', 'cpu']) {
    const difference = a.amount(resource) - b.amount(resource);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** Takes the pod that comes closest to what is missing, until nothing is, or no pod is left. */
function nearest(pods: readonly Candidate[], missing: Missing): Candidate[] {
  const chosen: Candidate[] = [];
  let left = [...pods];
  for (let rest = missing; rest.size > 0 && left.length > 0; ) {
    const best = left.reduce((a, b) => {
      const nearer = distance(rest, b) - distance(rest, a);
      return nearer < 0 || (nearer === 0 && isSmaller(b, a)) ? b : a;
    });
    chosen.push(best);
    left = left.filter((pod) => pod !== best);
    rest = without(rest, [best]);
  }
  return chosen;
}

const mayPreempt = (pod: Pod, { pod: other, critical }: Resident): boolean =>
  !critical ||
  (pod.spec?.priority !== undefined && other.spec?.priority !== undefined && pod.spec.priority > other.spec.priority);

/**
 * Guaranteed pods are chosen as if all others were ended already, then burstable, then best-effort ones: so none is ended where
 * pods of a lower class suffice.
 */
function choose(pods: readonly Candidate[], missing: Missing): Candidate[] {
  const of = (qos: string): Candidate[] => pods.filter(({ pod }) => qosClass(pod) === qos);
  const [bestEffort, burstable] = [of('BestEffort'), of('Burstable')];
  const guaranteed = nearest(of('Guaranteed'), without(missing, [...bestEffort, ...burstable]));
  const second = nearest(burstable, without(missing, [...bestEffort, ...guaranteed]));
  const third = nearest(bestEffort, without(missing, [...second, ...guaranteed]));
  return [...third, ...second, ...guaranteed];
}

const podsOf = (residents: readonly Resident[]): Pod[] => residents.map(({ pod }) => pod);

/** Uids of those whose end is worth waiting for. */
const helpers = (ending: readonly Candidate[], missing: Missing): string[] =>
  nearest(ending, missing)
    .filter((pod) => [...missing.keys()].some((resource) => pod.amount(resource) > 0))
    .map(({ uid }) => uid);

const noRoom = (missing: Missing): Rejection => {
  const list = [...missing].map(([resource, amount]) => `(res: ${resource}, q: ${amount}), `).join('');
  return {
    reason: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: ' +
      `no set of running pods found to reclaim resources: [${list}]`,
  };
};

/**
 * The admission of a critical pod. What lacks anything but resources is rejected as any other pod is. Pods that end already count as
 * gone (kubelet may choose others beside them): they are waited for.
 * @param others all other pods of the node that were admitted, the oldest first
 */
export function admitCritical(pod: Pod, node: Node, others: readonly Resident[], abilities: NodeAbilities): Entry {
  const active = others.filter((other) => !isTerminal(other.pod.status?.phase));
  const rejection = misfit(pod, node, podsOf(active), abilities);
  if (rejection) return { rejection, preempt: [], waitsFor: [] };
  const ending = active.filter((other) => other.ending);
  const awaited = helpers(ending.map(candidate), missingOf(shortages(pod, node, podsOf(active))));
  const staying = active.filter((other) => !other.ending);
  const missing = missingOf(shortages(pod, node, podsOf(staying)));
  const candidates = staying.filter((other) => mayPreempt(pod, other)).map(candidate);
  const left = without(missing, candidates);
  if (left.size > 0) return { rejection: noRoom(left), preempt: [], waitsFor: [] };
  const preempt = choose(candidates, missing).map(({ uid }) => uid);
  return { preempt, waitsFor: [...awaited, ...preempt] };
}
