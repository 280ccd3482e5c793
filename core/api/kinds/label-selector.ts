// Validation of label selectors: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
import { labelValue, qualifiedName } from '../names.ts';
import type { LabelSelector } from '../types.gen.ts';
import type { Findings } from './findings.ts';
import { validateLabels } from './object-meta.ts';

/** `values`: whether the values of expressions must be label values (some older fields let them pass). */
export function validateLabelSelector(
  found: Findings,
  field: string,
  selector: LabelSelector | undefined,
  values = true,
): void {
  if (!selector) return;
  validateLabels(found, `${field}.matchLabels`, selector.matchLabels);
  for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    const list = requirement.values ?? [];
    if (requirement.operator === 'In' || requirement.operator === 'NotIn') {
      if (list.length === 0) found.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (requirement.operator === 'Exists' || requirement.operator === 'DoesNotExist') {
      if (list.length > 0) {
        found.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
    } else found.invalid(`${at}.operator`, requirement.operator ?? '', 'not a valid selector operator');
    found.invalid(`${at}.key`, requirement.key ?? '', qualifiedName(requirement.key ?? ''));
    if (!values) continue;
    for (const [i, value] of list.entries()) found.invalid(`${at}.values[${i}]`, value, labelValue(value));
  }
}

export const isEmptySelector = (selector: LabelSelector | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0;
