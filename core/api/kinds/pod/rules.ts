import { timestamp } from '../../../ports.ts';
import { copyJson } from '../../json-value.ts';
import type { KubeObject } from '../../objects.ts';
import type { LabelSelector, Pod, PodAffinityTerm } from '../../types.gen.ts';
import { type Rules, resetMetaForStatus } from '../build.ts';
import { podColumns } from './columns.ts';
import { defaultPod } from './defaults.ts';
import { qosClassOf } from './pod-resources.ts';
import { validateEphemeralUpdate, validatePodStatusUpdate, validatePodUpdate } from './update.ts';
import { validatePod } from './validate-pod.ts';
import { podWarnings } from './warnings.ts';

/** A pod that was never bound or has ended waits for nothing, whatever was asked. */
function endsAtOnce(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return !pod.spec?.nodeName || phase === 'Failed' || phase === 'Succeeded';
}

/** Seconds that a pod gets to end when nobody says otherwise. */
function gracePeriodSeconds(pod: Pod): number {
  const seconds = pod.spec?.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

/** Keys that a term names are matched against the pod's own labels from the moment it is made. */
function addLabelKeys(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Record<string, string>,
): void {
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined || !selector) continue;
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}

function applyLabelKeys(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {};
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const terms: PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ]);
  for (const term of terms) {
    addLabelKeys(term.labelSelector, term.matchLabelKeys, 'In', labels);
    addLabelKeys(term.labelSelector, term.mismatchLabelKeys, 'NotIn', labels);
  }
  for (const constraint of pod.spec?.topologySpreadConstraints ?? []) {
    addLabelKeys(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
  }
}

/** A kubelet that does not report the generation it saw leaves what is known of it. */
function keepObservedGeneration(pod: Pod, old: Pod): void {
  const status = pod.status;
  if (!status) return;
  if (!status.observedGeneration && old.status?.observedGeneration)
    status.observedGeneration = old.status.observedGeneration;
  for (const condition of status.conditions ?? []) {
    const before = old.status?.conditions?.find((c) => c.type === condition.type)?.observedGeneration;
    if (!condition.observedGeneration && before) condition.observedGeneration = before;
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
export const podRules: Rules<Pod> = {
  columns: podColumns,
  fieldLabels: {
    'spec.nodeName': (pod) => pod.spec?.nodeName,
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy,
    'spec.schedulerName': (pod) => pod.spec?.schedulerName,
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName,
    'spec.hostNetwork': (pod) => pod.spec?.hostNetwork ?? false,
    'status.phase': (pod) => pod.status?.phase,
    'status.podIP': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
    'status.podIPs': (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP,
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName,
  },
  gracePeriodSeconds,
  endsAtOnce,
  setDefaults: defaultPod,
  newStatus: (pod) => ({ phase: 'Pending', qosClass: qosClassOf(pod.spec!) }),
  prepareForCreate(pod, { nowMs }) {
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      const message = 'Scheduling is blocked due to non-empty scheduling gates';
      pod.status!.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          lastProbeTime: null as unknown as string,
          lastTransitionTime: timestamp(nowMs),
          reason: 'SchedulingGated',
          message,
        },
      ];
    }
    applyLabelKeys(pod);
  },
  prepareForUpdate(pod, old, _context, subresource) {
    if (subresource === 'status') {
      delete pod.metadata!.deletionTimestamp;
      if (old.metadata?.deletionTimestamp) pod.metadata!.deletionTimestamp = old.metadata.deletionTimestamp;
      pod.metadata!.ownerReferences = old.metadata?.ownerReferences;
      if (pod.status && !pod.status.qosClass) pod.status.qosClass = old.status?.qosClass;
      keepObservedGeneration(pod, old);
    } else if (subresource === 'ephemeralcontainers') {
      const ephemeralContainers = pod.spec?.ephemeralContainers;
      const { ephemeralContainers: _, ...others } = copyJson(old.spec!);
      pod.spec = { ...others, ...(ephemeralContainers ? { ephemeralContainers } : {}) };
      resetMetaForStatus(pod as KubeObject, old as KubeObject);
    }
  },
  warnings: podWarnings,
  validate: validatePod,
  validateUpdate(pod, old, subresource) {
    if (subresource === 'status') return validatePodStatusUpdate(pod, old);
    return subresource === 'ephemeralcontainers' ? validateEphemeralUpdate(pod, old) : validatePodUpdate(pod, old);
  },
};
