// Validation of label selectors: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
import { validateLabelSelector as selectorErrors } from '../selectors.ts';
import type { LabelSelector } from '../types.gen.ts';
import type { Findings } from './findings.ts';

export function validateLabelSelector(found: Findings, field: string, selector: LabelSelector | undefined): void {
  found.add(selectorErrors(selector, field));
}

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0;
