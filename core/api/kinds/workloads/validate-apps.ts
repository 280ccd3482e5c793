// Deployments, replica sets, replication controllers and daemon sets.
import type { FieldError } from '../../errors.ts';
import type { DaemonSet, Deployment, ReplicaSet, ReplicationController } from '../../types.gen.ts';
import { Findings, inOrder } from '../findings.ts';
import { isEmptySelector, validateLabelSelector } from '../label-selector.ts';
import { validateTemplate } from '../pod/validate-spec.ts';
import {
  amountOf,
  checkAtMost100Percent,
  checkCollisions,
  checkCounters,
  checkIntOrPercent,
  checkRunsForever,
  checkTemplateLabels,
  isReadable,
  validateReplicaTemplate,
  validateSelector,
} from './validate-template.ts';

function validateDeploymentStrategy(found: Findings, { spec }: Deployment): void {
  const { type, rollingUpdate } = spec?.strategy ?? {};
  const field = 'spec.strategy.rollingUpdate';
  if (type === 'Recreate') {
    if (rollingUpdate) found.forbidden(field, "may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  if (type !== 'RollingUpdate') {
    const shown = { Type: type ?? '', RollingUpdate: rollingUpdate ?? null };
    found.unsupported('spec.strategy', shown, ['Recreate', 'RollingUpdate']);
    return;
  }
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  checkIntOrPercent(found, `${field}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(found, `${field}.maxSurge`, maxSurge);
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    found.invalid(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0');
  }
  checkAtMost100Percent(found, `${field}.maxUnavailable`, maxUnavailable);
}

export function validateDeployment(deployment: Deployment): FieldError[] {
  const found = new Findings();
  const spec = deployment.spec!;
  found.nonNegative('spec.replicas', spec.replicas);
  validateSelector(found, 'spec.selector', spec.selector, 'deployment');
  if (!isReadable(spec.selector)) found.invalid('spec.selector', spec.selector, 'invalid label selector');
  else validateReplicaTemplate(found, 'spec.template', spec.template, spec.selector);
  validateDeploymentStrategy(found, deployment);
  found.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  found.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined) {
    found.nonNegative('spec.progressDeadlineSeconds', deadline);
    if (deadline <= (spec.minReadySeconds ?? 0)) {
      found.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
    }
  }
  return found.errors;
}

export function validateDeploymentUpdate(deployment: Deployment, old: Deployment, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    const limited = ['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const;
    const counters = [
      'observedGeneration',
      'replicas',
      ...limited,
      'unavailableReplicas',
      'terminatingReplicas',
    ] as const;
    checkCounters(found, deployment.status ?? {}, counters, limited);
    checkCollisions(found, deployment.status, old.status);
    return found.errors;
  }
  found.add(validateDeployment(deployment));
  found.unchanged('spec.selector', deployment.spec?.selector, old.spec?.selector);
  return found.errors;
}

export function validateReplicaSet(rs: ReplicaSet): FieldError[] {
  const found = new Findings();
  const spec = rs.spec!;
  found.nonNegative('spec.replicas', spec.replicas);
  found.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  validateSelector(found, 'spec.selector', spec.selector, 'deployment');
  if (!isReadable(spec.selector)) found.invalid('spec.selector', spec.selector, 'invalid label selector');
  else validateReplicaTemplate(found, 'spec.template', spec.template ?? {}, spec.selector);
  return found.errors;
}

const replicaCounters = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const;

export function validateReplicaSetUpdate(rs: ReplicaSet, old: ReplicaSet, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    const counters = ['replicas', ...replicaCounters, 'observedGeneration', 'terminatingReplicas'] as const;
    checkCounters(found, rs.status ?? { replicas: 0 }, counters, replicaCounters);
    return found.errors;
  }
  found.add(validateReplicaSet(rs));
  found.unchanged('spec.selector', rs.spec?.selector, old.spec?.selector);
  return found.errors;
}

export function validateReplicationController(rc: ReplicationController): FieldError[] {
  const found = new Findings();
  const { minReadySeconds, selector = {}, replicas, template } = rc.spec ?? {};
  found.nonNegative('spec.minReadySeconds', minReadySeconds);
  if (Object.keys(selector).length === 0) found.required('spec.selector');
  if (replicas === undefined) found.required('spec.replicas');
  else found.nonNegative('spec.replicas', replicas);
  if (!template) {
    found.required('spec.template');
    return found.errors;
  }
  const labels = template.metadata?.labels;
  if (!Object.entries(selector).every(([key, value]) => labels?.[key] === value)) {
    found.invalid(
      'spec.template.metadata.labels',
      labels ? inOrder(labels) : null,
      '`selector` does not match template `labels`',
    );
  }
  validateTemplate(found, 'spec.template', template);
  checkRunsForever(found, 'spec.template', template, 'ReplicationController');
  return found.errors;
}

export function validateReplicationControllerUpdate(
  rc: ReplicationController,
  _old: ReplicationController,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status') return validateReplicationController(rc);
  const found = new Findings();
  const counters = ['replicas', ...replicaCounters, 'observedGeneration'] as const;
  checkCounters(found, rc.status ?? { replicas: 0 }, counters, replicaCounters);
  return found.errors;
}

function validateDaemonStrategy(found: Findings, { spec }: DaemonSet): void {
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  const field = 'spec.updateStrategy';
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    const shown = { Type: type ?? '', RollingUpdate: rollingUpdate ?? null };
    found.unsupported(field, shown, ['RollingUpdate', 'OnDelete']);
    return;
  }
  if (!rollingUpdate) {
    found.required(`${field}.rollingUpdate`);
    return;
  }
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
  const at = { unavailable: `${field}.rollingUpdate.maxUnavailable`, surge: `${field}.rollingUpdate.maxSurge` };
  checkIntOrPercent(found, at.unavailable, maxUnavailable);
  checkIntOrPercent(found, at.surge, maxSurge);
  checkAtMost100Percent(found, at.unavailable, maxUnavailable);
  checkAtMost100Percent(found, at.surge, maxSurge);
  const unavailable = amountOf(maxUnavailable) !== 0;
  const surge = amountOf(maxSurge) !== 0;
  if (unavailable && surge) found.invalid(at.surge, maxSurge, 'may not be set when maxUnavailable is non-zero');
  if (!unavailable && !surge) found.required(at.unavailable, 'cannot be 0 when maxSurge is 0');
}

export function validateDaemonSet(ds: DaemonSet): FieldError[] {
  const found = new Findings();
  const spec = ds.spec!;
  validateLabelSelector(found, 'spec.selector', spec.selector);
  if (isReadable(spec.selector)) checkTemplateLabels(found, 'spec.template', spec.template, spec.selector);
  if (spec.selector && isEmptySelector(spec.selector)) {
    found.invalid('spec.selector', spec.selector, 'empty selector is invalid for daemonset');
  }
  validateTemplate(found, 'spec.template', spec.template);
  checkRunsForever(found, 'spec.template', spec.template, 'DaemonSet');
  found.nonNegative('spec.minReadySeconds', spec.minReadySeconds);
  validateDaemonStrategy(found, ds);
  found.nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  return found.errors;
}

export function validateDaemonSetUpdate(ds: DaemonSet, old: DaemonSet, subresource: string): FieldError[] {
  const found = new Findings();
  if (subresource === 'status') {
    const counters = ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'] as const;
    const rest = ['observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable'] as const;
    if (ds.status) checkCounters(found, ds.status, [...counters, ...rest]);
    checkCollisions(found, ds.status, old.status);
    return found.errors;
  }
  found.unchanged('spec.selector', ds.spec?.selector, old.spec?.selector);
  found.add(validateDaemonSet(ds));
  return found.errors;
}
