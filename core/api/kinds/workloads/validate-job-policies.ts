// Pod failure policies and success policies of jobs.
import { goQuote } from '../../field-errors.ts';
import { qualifiedName } from '../../names.ts';
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from '../../types.gen.ts';
import { byteLength, type Findings } from '../findings.ts';

const maxRules = 20;
const maxExitCodes = 255;
const maxConditions = 20;
const maxIndexesBytes = 64 * 1024;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const statuses = ['False', 'True', 'Unknown'];

const goList = (values: readonly string[]): string => `[${values.map(goQuote).join(' ')}]`;

/** Required with the values that it may have, one of them. */
function checkChoice(found: Findings, field: string, value: string | undefined, supported: readonly string[]): void {
  found.oneOf(field, value, supported, `valid values: ${goList(supported)}`);
}

/** A finding that shows no value. */
function refuse(found: Findings, field: string, detail: string): void {
  found.add([{ reason: 'FieldValueInvalid', field, message: `Invalid value: ${detail}` }]);
}

export function validateFailurePolicy(found: Findings, field: string, spec: JobSpec): void {
  const rules = spec.podFailurePolicy!.rules ?? [];
  if (rules.length > maxRules) found.tooMany(`${field}.rules`, rules.length, maxRules);
  const podSpec = spec.template.spec;
  const names = [...(podSpec?.containers ?? []), ...(podSpec?.initContainers ?? [])].map((container) => container.name);
  for (const [i, rule] of rules.entries()) validateRule(found, `${field}.rules[${i}]`, rule, spec, names);
}

function validateRule(
  found: Findings,
  field: string,
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  names: string[],
): void {
  if (rule.action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined) {
      found.invalid(`${field}.action`, rule.action, 'requires the backoffLimitPerIndex to be set');
    }
  } else checkChoice(found, `${field}.action`, rule.action, actions);
  const conditions = rule.onPodConditions ?? [];
  if (rule.onExitCodes) validateExitCodes(found, `${field}.onExitCodes`, rule.onExitCodes, names);
  if (conditions.length > maxConditions) found.tooMany(`${field}.onPodConditions`, conditions.length, maxConditions);
  for (const [i, { type, status }] of conditions.entries()) {
    const at = `${field}.onPodConditions[${i}]`;
    found.invalid(`${at}.type`, type, qualifiedName(type));
    checkChoice(found, `${at}.status`, status, statuses);
  }
  if (rule.onExitCodes && conditions.length > 0) {
    refuse(found, field, 'specifying both OnExitCodes and OnPodConditions is not supported');
  }
  if (!rule.onExitCodes && conditions.length === 0) {
    refuse(found, field, 'specifying one of OnExitCodes and OnPodConditions is required');
  }
}

function validateExitCodes(
  found: Findings,
  field: string,
  { operator, containerName, values = [] }: PodFailurePolicyOnExitCodesRequirement,
  names: readonly string[],
): void {
  checkChoice(found, `${field}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !names.includes(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template';
    found.invalid(`${field}.containerName`, containerName, why);
  }
  const at = `${field}.values`;
  if (values.length === 0) found.invalid(at, values, 'at least one value is required');
  else if (values.length > maxExitCodes) found.tooMany(at, values.length, maxExitCodes);
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0) found.invalid(`${at}[${i}]`, value, 'must not be 0 for the In operator');
    if (values.indexOf(value) < i) found.duplicate(`${at}[${i}]`, value);
  }
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) found.invalid(at, values, 'must be ordered');
}

export function validateSuccessPolicy(found: Findings, field: string, spec: JobSpec): void {
  const rules = spec.successPolicy!.rules ?? [];
  if (spec.completionMode !== 'Indexed') {
    const shown = rules.map((rule) => ({
      SucceededIndexes: rule.succeededIndexes ?? null,
      SucceededCount: rule.succeededCount ?? null,
    }));
    found.invalid(field, { Rules: shown }, 'requires indexed completion mode');
    return;
  }
  if (rules.length === 0) {
    found.required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified');
  }
  if (rules.length > maxRules) found.tooMany(`${field}.rules`, rules.length, maxRules);
  for (const [i, rule] of rules.entries())
    validateSuccessRule(found, `${field}.rules[${i}]`, rule, spec.completions ?? 0);
}

function validateSuccessRule(found: Findings, field: string, rule: SuccessPolicyRule, completions: number): void {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  if (count === undefined && indexes === undefined) {
    found.required(field, 'at least one of succeededCount or succeededIndexes must be specified');
  }
  let total = 0;
  if (indexes !== undefined) {
    const at = `${field}.succeededIndexes`;
    if (byteLength(indexes) > maxIndexesBytes) found.tooLong(at, maxIndexesBytes);
    const parsed = countIndexes(indexes, completions);
    if (typeof parsed === 'string') found.invalid(at, indexes, `error parsing succeededIndexes: ${parsed}`);
    else total = parsed;
  }
  if (count === undefined) return;
  const at = `${field}.succeededCount`;
  found.nonNegative(at, count);
  const most = (limit: number, what: string) => `must be less than or equal to ${limit} (the number of ${what})`;
  if (count > completions) found.invalid(at, count, most(completions, 'specified completions'));
  if (indexes !== undefined && count > total) {
    found.invalid(at, count, most(total, 'indexes in the specified succeededIndexes field'));
  }
}

/** How many indexes "1,3-5" names; text for what is wrong with it. */
export function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let last = -1;
  let total = 0;
  for (const interval of text.split(',')) {
    const limits = interval.split('-');
    if (limits.length > 2) {
      return `the fragment ${goQuote(interval)} violates the requirement that an index interval can have at most two parts separated by '-'`;
    }
    for (const limit of limits) {
      if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${goQuote(limit)}`;
      if (Number(limit) >= completions) return `too large index: ${goQuote(limit)}`;
    }
    const [start, end = start] = limits.map(Number) as [number, number?];
    if (limits.length === 2 && start >= end) return `non-increasing order, previous: ${start}, current: ${end}`;
    if (last >= start) return `non-increasing order, previous: ${last}, current: ${start}`;
    total += end - start + 1;
    last = end;
  }
  return total;
}
