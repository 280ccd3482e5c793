// What workloads have in common: a selector, a template that it matches, numbers or percentages, a status that adds up.
import { percent } from '../../names.ts';
import { labelSelectorMatches, labelSelectorRequirements, SelectorError } from '../../selectors.ts';
import type { LabelSelector, PodTemplateSpec } from '../../types.gen.ts';
import { type Findings, inOrder, notNegative } from '../findings.ts';
import { isEmptySelector, validateLabelSelector } from '../label-selector.ts';
import { validateTemplate } from '../pod/validate-spec.ts';

/** `noun` ends the finding for a selector that selects everything. */
export function validateSelector(
  found: Findings,
  field: string,
  selector: LabelSelector | undefined,
  noun: string,
): void {
  if (!selector) {
    found.required(field);
    return;
  }
  validateLabelSelector(found, field, selector);
  if (isEmptySelector(selector)) found.invalid(field, selector, `empty selector is invalid for ${noun}`);
}

/** A selector that can be read (an absent one selects nothing, and reads well). */
export function isReadable(selector: LabelSelector | undefined): boolean {
  try {
    labelSelectorRequirements(selector);
    return true;
  } catch (error) {
    if (error instanceof SelectorError) return false;
    throw error;
  }
}

export function checkTemplateLabels(
  found: Findings,
  field: string,
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
): void {
  const labels = template?.metadata?.labels;
  if (labelSelectorMatches(selector, labels)) return;
  found.invalid(
    `${field}.metadata.labels`,
    labels ? inOrder(labels) : null,
    '`selector` does not match template `labels`',
  );
}

/** Pods of a controller run for ever; `controller` is named in the finding. */
export function checkRunsForever(
  found: Findings,
  field: string,
  template: PodTemplateSpec | undefined,
  controller: string,
): void {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy !== 'Always') found.unsupported(`${field}.spec.restartPolicy`, restartPolicy ?? '', ['Always']);
  if (activeDeadlineSeconds !== undefined) {
    found.forbidden(`${field}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${controller} is not Supported`);
  }
}

/** The template of a replica set, and of the kinds made of replica sets. */
export function validateReplicaTemplate(
  found: Findings,
  field: string,
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  controller = 'ReplicaSet',
): void {
  if (selector && !isEmptySelector(selector)) checkTemplateLabels(found, field, template, selector);
  else if (!selector) checkTemplateLabels(found, field, template, selector);
  validateTemplate(found, field, template);
  checkRunsForever(found, field, template, controller);
}

/** The number before a percent sign; undefined for what is no percentage. */
const percentOf = (value: number | string): number | undefined =>
  typeof value === 'string' && percent(value).length === 0 ? Number(value.slice(0, -1)) : undefined;

export const amountOf = (value: number | string): number =>
  typeof value === 'number' ? value : (percentOf(value) ?? (Number.parseInt(value, 10) || 0));

export function checkIntOrPercent(found: Findings, field: string, value: number | string): void {
  if (typeof value === 'string') found.invalid(field, value, percent(value));
  else if (value < 0) found.invalid(field, value, notNegative);
}

export function checkAtMost100Percent(found: Findings, field: string, value: number | string): void {
  if ((percentOf(value) ?? 0) > 100) found.invalid(field, value, 'must not be greater than 100%');
}

/** Counters of a status: none negative, and the listed ones not above the number of replicas. */
export function checkCounters<T extends object>(
  found: Findings,
  status: T,
  counters: readonly (keyof T & string)[],
  limited: readonly (keyof T & string)[] = [],
  ready = 'readyReplicas',
): void {
  const numbers = status as Record<string, number | undefined>;
  for (const name of counters) found.nonNegative(`status.${name}`, numbers[name]);
  const replicas = numbers['replicas'] ?? 0;
  for (const name of limited) {
    const value = numbers[name] ?? 0;
    if (value > replicas) found.invalid(`status.${name}`, value, 'cannot be greater than status.replicas');
  }
  const available = numbers['availableReplicas'] ?? 0;
  if (limited.length > 0 && available > (numbers['readyReplicas'] ?? 0)) {
    found.invalid('status.availableReplicas', available, `cannot be greater than ${ready}`);
  }
}

export function checkCollisions(
  found: Findings,
  status: { collisionCount?: number } | undefined,
  old: { collisionCount?: number } | undefined,
): void {
  found.nonNegative('status.collisionCount', status?.collisionCount);
  if (old?.collisionCount === undefined || (status?.collisionCount ?? -1) >= old.collisionCount) return;
  found.invalid('status.collisionCount', status?.collisionCount ?? 0, 'cannot be decremented');
}
