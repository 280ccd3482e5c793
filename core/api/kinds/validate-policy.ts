// Disruption budgets, priority classes, runtime classes and leases.
import type { FieldError } from '../errors.ts';
import { dns1123Label, qualifiedName } from '../names.ts';
import type { Lease, PodDisruptionBudget, PriorityClass, RuntimeClass } from '../types.gen.ts';
import { Findings, sameValue } from './findings.ts';
import { validateLabelSelector } from './label-selector.ts';
import { validateLabels } from './object-meta.ts';
import { validateResources } from './pod/validate-resources.ts';
import { validateTolerations } from './pod/validate-scheduling.ts';
import { checkAtMost100Percent, checkIntOrPercent } from './workloads/validate-template.ts';

const highestUserPriority = 1_000_000_000;
const systemPriorities = new Map([
  ['system-node-critical', 2_000_001_000],
  ['system-cluster-critical', 2_000_000_000],
]);

export function validateBudget({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const found = new Findings();
  const { minAvailable, maxUnavailable } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: spec.selector ?? null,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: spec.unhealthyPodEvictionPolicy ?? null,
    };
    found.invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    checkIntOrPercent(found, `spec.${name}`, value);
    checkAtMost100Percent(found, `spec.${name}`, value);
  }
  validateLabelSelector(found, 'spec.selector', spec.selector);
  const policies = ['AlwaysAllow', 'IfHealthyBudget'];
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !policies.includes(policy)) {
    found.unsupported('spec.unhealthyPodEvictionPolicy', policy, policies);
  }
  return found.errors;
}

export function validateBudgetUpdate(
  budget: PodDisruptionBudget,
  _old: PodDisruptionBudget,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status') return validateBudget(budget);
  const found = new Findings();
  for (const [i, { type, status, reason }] of (budget.status?.conditions ?? []).entries()) {
    const at = `status.conditions[${i}]`;
    found.invalid(`${at}.type`, type, qualifiedName(type));
    found.oneOf(`${at}.status`, status, ['False', 'True', 'Unknown']);
    if (!reason) found.required(`${at}.reason`);
  }
  for (const name of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const) {
    found.nonNegative(`status.${name}`, budget.status?.[name]);
  }
  return found.errors;
}

function systemProblem(name: string, value: number, globalDefault: boolean): string | undefined {
  const expected = systemPriorities.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClass(priority: PriorityClass): FieldError[] {
  const found = new Findings();
  const name = priority.metadata?.name ?? '';
  if (name.startsWith('system-')) {
    const problem = systemProblem(name, priority.value ?? 0, priority.globalDefault ?? false);
    const reserved = "priority class names with 'system-' prefix are reserved for system use only. error: ";
    if (problem) found.forbidden('metadata.name', reserved + problem);
  } else if ((priority.value ?? 0) > highestUserPriority) {
    found.forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`);
  }
  if (priority.preemptionPolicy !== undefined) {
    found.oneOf('preemptionPolicy', priority.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  }
  return found.errors;
}

export function validatePriorityClassUpdate(priority: PriorityClass, old: PriorityClass): FieldError[] {
  const found = new Findings();
  if (priority.value !== old.value) found.forbidden('value', 'may not be changed in an update.');
  found.unchanged('preemptionPolicy', priority.preemptionPolicy, old.preemptionPolicy);
  return found.errors;
}

export function validateRuntimeClass(runtime: RuntimeClass): FieldError[] {
  const found = new Findings();
  if (!runtime.handler) found.required('handler');
  else found.invalid('handler', runtime.handler, dns1123Label(runtime.handler));
  if (runtime.overhead) validateResources(found, 'overhead', { limits: runtime.overhead.podFixed }, new Set());
  const { nodeSelector, tolerations = [] } = runtime.scheduling ?? {};
  validateLabels(found, 'scheduling.nodeSelector', nodeSelector);
  validateTolerations(found, 'scheduling.tolerations', tolerations);
  for (const [i, toleration] of tolerations.entries()) {
    if (tolerations.slice(0, i).some((other) => sameValue(other, toleration))) {
      const { key = '', operator = '', value = '', effect = '', tolerationSeconds = null } = toleration;
      const shown = {
        Key: key,
        Operator: operator,
        Value: value,
        Effect: effect,
        TolerationSeconds: tolerationSeconds,
      };
      found.duplicate(`scheduling.tolerations[${i}]`, shown);
    }
  }
  return found.errors;
}

export function validateRuntimeClassUpdate(runtime: RuntimeClass, old: RuntimeClass): FieldError[] {
  const found = new Findings();
  found.unchanged('handler', runtime.handler, old.handler);
  return found.errors;
}

export function validateLease({ spec }: Lease): FieldError[] {
  const found = new Findings();
  const { leaseDurationSeconds: seconds, leaseTransitions, strategy, preferredHolder } = spec ?? {};
  if (seconds !== undefined && seconds <= 0)
    found.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0');
  found.nonNegative('spec.leaseTransitions', leaseTransitions);
  if (preferredHolder && !strategy) {
    found.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined');
  }
  return found.errors;
}
