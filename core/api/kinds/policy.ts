// Small kinds of policy, scheduling and node groups.
import { pathSegmentName } from '../names.ts';
import type { ComponentStatus, PodDisruptionBudget, PriorityClass, RuntimeClass } from '../types.gen.ts';
import type { Rules } from './build.ts';
import { ageColumn, boolean, integer, nameColumn, text } from './columns.ts';
import { roundResources } from './pod/defaults.ts';
import {
  validateBudget,
  validateBudgetUpdate,
  validatePriorityClass,
  validatePriorityClassUpdate,
  validateRuntimeClass,
  validateRuntimeClassUpdate,
} from './validate-policy.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/pod-disruption-budget-v1/ */
export const podDisruptionBudgetRules: Rules<PodDisruptionBudget> = {
  columns: [
    nameColumn,
    text('Min Available', (pdb) => String(pdb.spec?.minAvailable ?? 'N/A')),
    text('Max Unavailable', (pdb) => String(pdb.spec?.maxUnavailable ?? 'N/A')),
    integer('Allowed Disruptions', (pdb) => pdb.status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
  validateName: pathSegmentName,
  allowUnconditionalUpdate: false,
  newStatus: () => ({ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }),
  validate: validateBudget,
  validateUpdate: validateBudgetUpdate,
};

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/priority-class-v1/ */
export const priorityClassRules: Rules<PriorityClass> = {
  columns: [
    nameColumn,
    integer('Value', (priority) => priority.value ?? 0),
    boolean('Global-Default', (priority) => priority.globalDefault ?? false),
    ageColumn,
    text('PreemptionPolicy', (priority) => priority.preemptionPolicy ?? ''),
  ],
  // The generation stays at 1.
  generation: () => null,
  setDefaults(priority) {
    priority.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate: validatePriorityClass,
  validateUpdate: validatePriorityClassUpdate,
};

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/runtime-class-v1/ */
export const runtimeClassRules: Rules<RuntimeClass> = {
  columns: [nameColumn, text('Handler', (runtime) => runtime.handler ?? ''), ageColumn],
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  setDefaults: (runtime) => roundResources(runtime.overhead?.podFixed),
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
};

export const componentStatusRules: Rules<ComponentStatus> = {
  columns: [
    nameColumn,
    text('Status', (component) => {
      const healthy = component.conditions?.find((condition) => condition.type === 'Healthy');
      return healthy ? (healthy.status === 'True' ? 'Healthy' : 'Unhealthy') : 'Unknown';
    }),
    text('Message', (component) => component.conditions?.find((c) => c.type === 'Healthy')?.message ?? ''),
    text('Error', (component) => component.conditions?.find((c) => c.type === 'Healthy')?.error ?? ''),
  ],
};
