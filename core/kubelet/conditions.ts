// Pod conditions: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions

import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../api/types.gen.ts';
import { timestamp } from '../ports.ts';
import { appContainers, initContainers, isSidecar } from './containers.ts';
import type { PodMemory } from './model.ts';
import { statusOf } from './model.ts';
import { preempting } from './preemption.ts';

/** Conditions that the node owns; all others are kept as they are. */
const owned = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

interface Verdict {
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

/**
 * A pod that makes room is no failure of its own, by which a job's podFailurePolicy goes; one over its limits is (KEP-3329).
 * https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
 */
const disruptionOf = (failed: PodMemory['failed']): [string, Verdict] | undefined =>
  failed?.reason === preempting
    ? [
        'DisruptionTarget',
        {
          status: 'True',
          reason: 'TerminationByKubelet',
          message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
        },
      ]
    : undefined;

const yes: Verdict = { status: 'True' };
const list = (names: string[]): string => `[${names.join(' ')}]`;

function containersReady(pod: Pod, statuses: readonly ContainerStatus[], phase: string): Verdict {
  const names = [...initContainers(pod).filter(isSidecar), ...appContainers(pod)].map((c) => c.name);
  const unknown = names.filter((n) => !statusOf(statuses, n));
  const unready = names.filter((n) => statusOf(statuses, n)?.ready === false);
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const messages: string[] = [];
  if (unknown.length > 0) messages.push(`containers with unknown status: ${list(unknown)}`);
  if (unready.length > 0) messages.push(`containers with unready status: ${list(unready)}`);
  return messages.length > 0 ? { status: 'False', reason: 'ContainersNotReady', message: messages.join(', ') } : yes;
}

function ready(pod: Pod, containers: Verdict, others: readonly PodCondition[]): Verdict {
  if (containers.status !== 'True') return containers;
  const messages: string[] = [];
  for (const gate of pod.spec?.readinessGates ?? []) {
    const condition = others.find((c) => c.type === gate.conditionType);
    if (!condition)
      messages.push(`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`);
    else if (condition.status !== 'True') {
      messages.push(`the status of pod readiness gate "${gate.conditionType}" is not "True", but ${condition.status}`);
    }
  }
  return messages.length > 0
    ? { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') }
    : yes;
}

function initialized(pod: Pod, statuses: readonly ContainerStatus[], phase: string): Verdict {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of initContainers(pod)) {
    const status = statusOf(statuses, container.name);
    if (!status) unknown.push(container.name);
    else if (isSidecar(container) ? status.started !== true : !status.ready) incomplete.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return { status: 'True', reason: 'PodCompleted' };
  const appStarted = appContainers(pod).some((c) => {
    const status = statusOf(statuses, c.name);
    return status?.started === true || status?.state?.terminated || status?.lastState?.terminated;
  });
  if (appStarted) return yes;
  const messages: string[] = [];
  if (unknown.length > 0) messages.push(`containers with unknown status: ${list(unknown)}`);
  if (incomplete.length > 0) messages.push(`containers with incomplete status: ${list(incomplete)}`);
  return messages.length > 0
    ? { status: 'False', reason: 'ContainersNotInitialized', message: messages.join(', ') }
    : yes;
}

/** All conditions of the pod; a transition time changes only with the status. */
export function podConditions(
  pod: Pod,
  old: PodStatus | undefined,
  statuses: readonly ContainerStatus[],
  phase: string,
  sandboxReady: boolean,
  now: number,
  failed?: PodMemory['failed'],
): PodCondition[] {
  const disruption = disruptionOf(failed);
  const others = (pod.status?.conditions ?? []).filter((c) => !owned.has(c.type) && c.type !== disruption?.[0]);
  const containers = containersReady(pod, statuses, phase);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(pod, statuses, phase)],
    ['Ready', ready(pod, containers, others)],
    ['ContainersReady', containers],
    ['PodScheduled', yes],
    ...(disruption ? [disruption] : []),
  ];
  const before = [...(old?.conditions ?? []), ...(pod.status?.conditions ?? [])];
  const made = verdicts.map(([type, verdict]): PodCondition => {
    const previous = before.find((c) => c.type === type && c.status === verdict.status);
    return {
      type,
      status: verdict.status,
      lastProbeTime: null as unknown as string,
      lastTransitionTime: previous?.lastTransitionTime ?? timestamp(now),
      ...(verdict.reason ? { reason: verdict.reason } : {}),
      ...(verdict.message ? { message: verdict.message } : {}),
      ...(pod.metadata?.generation ? { observedGeneration: pod.metadata.generation } : {}),
    };
  });
  return [...others, ...made];
}
