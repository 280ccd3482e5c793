// The pods of a job: how they ended, which index they have, and what a new one looks like.
// Follows https://kubernetes.io/docs/concepts/workloads/controllers/job/
import type { KubeObject, Stored } from '../../api/objects.ts';
import type { Container, ContainerStatus, Job, PodFailurePolicyRule } from '../../api/types.gen.ts';
import { safeLetters } from '../hash.ts';
import { asObject, controllerReference, isDeleting } from '../owner.ts';
import type { StoredPod } from '../pod-state.ts';

export type StoredJob = Stored<Job>;

/** Keeps a finished pod until the job has counted it. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexLabel = 'batch.kubernetes.io/job-completion-index';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailureCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';
const SUFFIX_LENGTH = 5;
/** Longest base that leaves room for the suffix, as generateName cuts it. */
const BASE_LIMIT = 58;

export const isIndexed = ({ spec }: StoredJob): boolean => spec?.completionMode === 'Indexed';
export const isTracked = ({ metadata }: StoredPod): boolean =>
  metadata.finalizers?.includes(trackingFinalizer) ?? false;

export function indexOf({ metadata }: StoredPod): number | undefined {
  const text = metadata.annotations?.[indexLabel];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export const hasSucceeded = (pod: StoredPod): boolean => pod.status?.phase === 'Succeeded';

/** Only failed pods are to be replaced: the end of one that terminates is waited for. */
export const waitsForFailure = ({ spec }: StoredJob): boolean =>
  spec?.podReplacementPolicy === 'Failed' || Boolean(!spec?.podReplacementPolicy && spec?.podFailurePolicy);

/** Terminating counts as failed, unless its end is waited for. */
export function hasFailed(job: StoredJob, pod: StoredPod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return !waitsForFailure(job) && isDeleting(pod) && !hasSucceeded(pod);
}

export const isEnded = (job: StoredJob, pod: StoredPod): boolean => hasSucceeded(pod) || hasFailed(job, pod);

/** When a pod ended, as well as can be told. Milliseconds since the epoch. */
export function finishedMs({ metadata, status }: StoredPod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => state?.terminated?.finishedAt);
  if (ends.length > 0 && ends.every(Boolean)) return Math.max(...ends.map((end) => Date.parse(end ?? '')));
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  return Date.parse(metadata.deletionTimestamp ?? metadata.creationTimestamp ?? '') || 0;
}

export interface FailureVerdict {
  action: 'Count' | 'FailIndex' | 'FailJob' | 'Ignore';
  message: string;
}

function matchedContainer(
  rule: PodFailurePolicyRule,
  statuses: ContainerStatus[] | undefined,
): ContainerStatus | undefined {
  const { containerName, operator, values = [] } = rule.onExitCodes ?? { operator: '' };
  return statuses?.find(({ name, state }) => {
    const code = state?.terminated?.exitCode;
    if (code === undefined || code === 0 || (containerName && containerName !== name)) return false;
    return operator === 'In' ? values.includes(code) : !values.includes(code);
  });
}

/** The first rule of the pod failure policy that a failed pod matches; without one the failure counts. */
export function judgeFailure({ spec }: StoredJob, pod: StoredPod): FailureVerdict {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  for (const [index, rule] of (spec?.podFailurePolicy?.rules ?? []).entries()) {
    const action = rule.action as FailureVerdict['action'];
    const { containerStatuses, initContainerStatuses, conditions } = pod.status ?? {};
    if (rule.onExitCodes) {
      const container = matchedContainer(rule, containerStatuses) ?? matchedContainer(rule, initContainerStatuses);
      if (!container) continue;
      const code = container.state?.terminated?.exitCode;
      const message = `Container ${container.name} for pod ${name} failed with exit code ${code} matching ${action} rule at index ${index}`;
      return { action, message };
    }
    const condition = conditions?.find((one) =>
      (rule.onPodConditions ?? []).some(({ type, status }) => one.type === type && one.status === (status ?? 'True')),
    );
    if (condition) {
      return {
        action,
        message: `Pod ${name} has condition ${condition.type} matching ${action} rule at index ${index}`,
      };
    }
  }
  return { action: 'Count', message: '' };
}

const countOf = (pod: StoredPod, annotation: string): number =>
  Number(pod.metadata.annotations?.[annotation] ?? 0) || 0;

/** Failures of the pod's index before it. */
export const failuresBefore = (pod: StoredPod): number => countOf(pod, failureCountAnnotation);

/** All failures of its index with its own, those that do not count included: what the delay grows with. */
export const allFailures = (pod: StoredPod): number =>
  countOf(pod, failureCountAnnotation) + countOf(pod, ignoredFailureCountAnnotation) + 1;

function failureCounts(job: StoredJob, replaced: StoredPod | undefined): Record<string, string> {
  const counts = replaced && judgeFailure(job, replaced).action !== 'Ignore';
  const failures = replaced ? failuresBefore(replaced) + (counts ? 1 : 0) : 0;
  const ignored = replaced ? countOf(replaced, ignoredFailureCountAnnotation) + (counts ? 0 : 1) : 0;
  return {
    [failureCountAnnotation]: String(failures),
    ...(ignored > 0 ? { [ignoredFailureCountAnnotation]: String(ignored) } : {}),
  };
}

const indexVariable = 'JOB_COMPLETION_INDEX';

function withIndexVariable(container: Container): Container {
  if (container.env?.some(({ name }) => name === indexVariable)) return container;
  const valueFrom = { fieldRef: { fieldPath: `metadata.labels['${indexLabel}']` } };
  return { ...container, env: [...(container.env ?? []), { name: indexVariable, valueFrom }] };
}

export interface NewPod {
  index: number | undefined;
  /** The pod of its index that was made last. */
  previous: StoredPod | undefined;
  /** The one whose failures it is to know of. */
  failed: StoredPod | undefined;
}

const baseOf = (job: StoredJob, index: number | undefined): string => {
  const middle = index === undefined ? '-' : `-${index}-`;
  return job.metadata.name.slice(0, BASE_LIMIT - middle.length) + middle;
};

/**
 * Names follow from the state, so that of two instances that make the same pod one is refused: from the job's version and the
 * slot, and of an indexed job from the pod before it, if that is still there. Who knows an index's pods in part names one that
 * is there. No name comes again: a pod that was evicted is waited for by its name.
 */
export function podName(job: StoredJob, slot: number, { index, previous }: NewPod): string {
  const follows = previous ? previous.metadata.uid : `${job.metadata.resourceVersion}/${index}`;
  return baseOf(job, index) + safeLetters(`${job.metadata.uid}/${follows}/${slot}`, SUFFIX_LENGTH);
}

/** A pod of the job; of an indexed one with its index as label, annotation, host name and variable. */
export function newPod(job: StoredJob, name: string, { index, failed }: NewPod): KubeObject {
  const { metadata, spec } = job.spec?.template ?? {};
  const base = baseOf(job, index);
  const indexed: Record<string, string> = index === undefined ? {} : { [indexLabel]: String(index) };
  const perIndex = job.spec?.backoffLimitPerIndex === undefined ? {} : failureCounts(job, failed);
  const annotations = { ...metadata?.annotations, ...indexed, ...perIndex };
  const podSpec = spec ?? { containers: [] };
  return asObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: base,
      namespace: job.metadata.namespace,
      labels: { ...metadata?.labels, ...indexed },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      finalizers: [...new Set([...(metadata?.finalizers ?? []), trackingFinalizer])],
      ownerReferences: [controllerReference(job)],
    },
    spec:
      index === undefined
        ? podSpec
        : {
            ...podSpec,
            hostname: podSpec.hostname ?? `${job.metadata.name}-${index}`,
            containers: podSpec.containers.map(withIndexVariable),
            ...(podSpec.initContainers ? { initContainers: podSpec.initContainers.map(withIndexVariable) } : {}),
          },
  });
}
