// Horizontal pod autoscalers.
import type { FieldError } from '../../errors.ts';
import { dns1123Label, pathSegmentName } from '../../names.ts';
import { canonicalQuantity, quantitySign } from '../../quantity.ts';
import type {
  AutoscalingV2CrossVersionObjectReference,
  AutoscalingV2HorizontalPodAutoscaler,
  AutoscalingV2MetricSpec,
  HPAScalingRules,
  MetricIdentifier,
  MetricTarget,
} from '../../types.gen.ts';
import { Findings } from '../findings.ts';
import { checkContainerResourceName } from '../resource-names.ts';

const maxPeriodSeconds = 1800;
const maxWindowSeconds = 3600;
const notPositive = 'must be greater than zero';
const sources = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
const typeNames = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function validateReference(
  found: Findings,
  field: string,
  reference: AutoscalingV2CrossVersionObjectReference,
  grouped: boolean,
): void {
  for (const name of ['kind', 'name'] as const) {
    if (!reference[name]) found.required(`${field}.${name}`);
    else found.invalid(`${field}.${name}`, reference[name], pathSegmentName(reference[name]));
  }
  const version = reference.apiVersion ?? '';
  const parts = version.split('/').length;
  if (parts > 2) found.invalid(`${field}.apiVersion`, version, `unexpected GroupVersion string: ${version}`);
  else if (grouped && parts < 2) found.invalid(`${field}.apiVersion`, version, 'apiVersion must specify API group');
}

function validateIdentifier(found: Findings, field: string, identifier: MetricIdentifier | undefined): void {
  if (!identifier?.name) found.required(`${field}.name`, 'must specify a metric name');
  else found.invalid(`${field}.name`, identifier.name, pathSegmentName(identifier.name));
}

function validateTarget(found: Findings, field: string, target: MetricTarget): void {
  if (!target.type) found.required(`${field}.type`, 'must specify a metric target type');
  if (!['Utilization', 'Value', 'AverageValue'].includes(target.type)) {
    found.invalid(`${field}.type`, target.type ?? '', 'must be either Utilization, Value, or AverageValue');
  }
  for (const name of ['value', 'averageValue'] as const) {
    const value = target[name];
    if (value !== undefined && quantitySign(String(value)) !== 1) {
      found.invalid(`${field}.${name}`, canonicalQuantity(String(value)), 'must be positive');
    }
  }
  const percent = target.averageUtilization;
  if (percent !== undefined && percent < 1)
    found.invalid(`${field}.averageUtilization`, percent, 'must be greater than 0');
}

function validateSource(
  found: Findings,
  field: string,
  type: (typeof sources)[number],
  metric: AutoscalingV2MetricSpec,
): void {
  const at = `${field}.${type}`;
  const { target } = metric[type]!;
  const { value, averageValue, averageUtilization } = target ?? { type: '' };
  if (type === 'object') validateReference(found, `${at}.describedObject`, metric.object!.describedObject, false);
  if (type === 'resource' || type === 'containerResource') {
    const { name } = metric[type]!;
    if (!name) found.required(`${at}.name`, 'must specify a resource name');
    else if (type === 'containerResource') checkContainerResourceName(found, `${at}.name`, name);
  } else validateIdentifier(found, `${at}.metric`, metric[type]!.metric);
  if (type === 'containerResource') {
    const { container } = metric.containerResource!;
    if (!container) found.required(`${at}.container`, 'must specify a container');
    else found.invalid(`${at}.container`, container, dns1123Label(container));
  }
  validateTarget(found, `${at}.target`, target ?? { type: '' });
  if (type === 'object' && value === undefined && averageValue === undefined) {
    found.required(`${at}.target.averageValue`, 'must set either a target value or averageValue');
  } else if (type === 'external') {
    const [one, other] = ['a target value for metric', 'a per-pod target'];
    if (value === undefined && averageValue === undefined)
      found.required(`${at}.target.averageValue`, `must set either ${one} or ${other}`);
    if (value !== undefined && averageValue !== undefined)
      found.forbidden(`${at}.target.value`, `may not set both ${one} and ${other}`);
  } else if (type === 'pods' && averageValue === undefined) {
    found.required(`${at}.target.averageValue`, 'must specify a positive target averageValue');
  } else if (type === 'resource' || type === 'containerResource') {
    const [one, other] = ['a target raw value', 'a target utilization'];
    if (averageUtilization === undefined && averageValue === undefined) {
      found.required(`${at}.target.averageUtilization`, `must set either ${one} or ${other}`);
    }
    if (averageUtilization !== undefined && averageValue !== undefined) {
      found.forbidden(`${at}.target.averageValue`, `may not set both ${one} and ${other}`);
    }
  }
}

function validateMetric(found: Findings, field: string, metric: AutoscalingV2MetricSpec): void {
  if (!metric.type) found.required(`${field}.type`, 'must specify a metric source type');
  if (!typeNames.includes(metric.type)) found.unsupported(`${field}.type`, metric.type ?? '', typeNames);
  const present = sources.filter((source) => metric[source]);
  if (present[0]) validateSource(found, field, present[0], metric);
  const expected = sources.find((source) => source.toLowerCase() === metric.type?.toLowerCase());
  if (expected && !metric[expected]) {
    found.required(`${field}.${expected}`, 'must populate information for the given metric source');
  } else if (!expected) found.unsupported(`${field}.type`, metric.type ?? '', typeNames);
  if (present.length === 1) return;
  for (const source of present) {
    if (source !== expected) found.forbidden(`${field}.${source}`, 'must populate the given metric source only');
  }
}

function validateRules(found: Findings, field: string, rules: HPAScalingRules): void {
  const window = rules.stabilizationWindowSeconds;
  if (window !== undefined) {
    const at = `${field}.stabilizationWindowSeconds`;
    if (window < 0) found.invalid(at, window, 'must be greater than or equal to zero');
    if (window > maxWindowSeconds) found.invalid(at, window, `must be less than or equal to ${maxWindowSeconds}`);
  }
  const selects = ['Disabled', 'Max', 'Min'];
  if (rules.selectPolicy !== undefined && !selects.includes(rules.selectPolicy)) {
    found.unsupported(`${field}.selectPolicy`, rules.selectPolicy, selects);
  }
  const policies = rules.policies ?? [];
  if (policies.length === 0) found.required(`${field}.policies`, 'must specify at least one Policy');
  for (const [i, { type, value, periodSeconds }] of policies.entries()) {
    const at = `${field}.policies[${i}]`;
    if (type !== 'Pods' && type !== 'Percent') found.unsupported(`${at}.type`, type ?? '', ['Percent', 'Pods']);
    if (value <= 0) found.invalid(`${at}.value`, value, notPositive);
    if (periodSeconds <= 0) found.invalid(`${at}.periodSeconds`, periodSeconds, notPositive);
    if (periodSeconds > maxPeriodSeconds) {
      found.invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`);
    }
  }
  if (rules.tolerance !== undefined && quantitySign(String(rules.tolerance)) < 0) {
    found.invalid(
      `${field}.tolerance`,
      canonicalQuantity(String(rules.tolerance)),
      'must be greater than or equal to 0',
    );
  }
}

/** `grouped`: whether the target must name its API group (all that scale but replication controllers have one). */
function validateSpec({ spec }: AutoscalingV2HorizontalPodAutoscaler, grouped: boolean): FieldError[] {
  const found = new Findings();
  if (!spec) {
    found.required('spec');
    return found.errors;
  }
  const { minReplicas, maxReplicas = 0 } = spec;
  if (minReplicas !== undefined && minReplicas < 1) {
    found.invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1');
  }
  if (maxReplicas === 0) found.required('spec.maxReplicas', 'must be set and greater than 0');
  else if (maxReplicas < 0) found.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to 1');
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    found.invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`');
  }
  validateReference(found, 'spec.scaleTargetRef', spec.scaleTargetRef ?? {}, grouped);
  const metrics = spec.metrics ?? [];
  for (const [i, metric] of metrics.entries()) validateMetric(found, `spec.metrics[${i}]`, metric);
  if (minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')) {
    const why = 'must specify at least one Object or External metric to support scaling to zero replicas';
    found.forbidden('spec.metrics', why);
  }
  if (spec.behavior?.scaleUp) validateRules(found, 'spec.behavior.scaleUp', spec.behavior.scaleUp);
  if (spec.behavior?.scaleDown) validateRules(found, 'spec.behavior.scaleDown', spec.behavior.scaleDown);
  return found.errors;
}

export const validateAutoscaler = (hpa: AutoscalingV2HorizontalPodAutoscaler): FieldError[] =>
  validateSpec(hpa, hpa.spec?.scaleTargetRef?.kind !== 'ReplicationController');

export function validateAutoscalerUpdate(
  hpa: AutoscalingV2HorizontalPodAutoscaler,
  old: AutoscalingV2HorizontalPodAutoscaler,
  subresource: string,
): FieldError[] {
  if (subresource !== 'status') {
    const target = hpa.spec?.scaleTargetRef;
    const before = old.spec?.scaleTargetRef;
    const same = target?.kind === before?.kind && target?.apiVersion === before?.apiVersion;
    return same ? validateSpec(hpa, false) : validateAutoscaler(hpa);
  }
  const found = new Findings();
  found.nonNegative('status.currentReplicas', hpa.status?.currentReplicas);
  found.nonNegative('status.desiredReplicas', hpa.status?.desiredReplicas);
  return found.errors;
}
