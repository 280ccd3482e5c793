// Label selectors as strings and as objects, and field selectors: parse, match, validate. What callers need, in one place.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors and .../field-selectors/
import type { FieldError } from './errors.ts';
import { forbiddenValue, goQuote, indexed, invalidValue, requiredValue } from './field-errors.ts';
import {
  byKey,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
  matchesLabels,
  requirementProblem,
  type Selector,
} from './label-requirements.ts';
import { labelValue, qualifiedName } from './names.ts';
import { SelectorError } from './selector-tokens.ts';
import type { LabelSelector, LabelSelectorRequirement } from './types.gen.ts';

export {
  type FieldRequirement,
  type FieldSelector,
  matchesFields,
  parseFieldSelector,
} from './field-selectors.ts';
export {
  formatSelector,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
  matchesLabels,
  type Selector,
} from './label-requirements.ts';
export { parseLabelSelector } from './label-selector-parser.ts';
export { SelectorError } from './selector-tokens.ts';

const objectOperators: Record<string, LabelOperator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/**
 * The requirements of a LabelSelector object. undefined or null selects nothing and gives undefined, {} selects everything.
 * Throws SelectorError for operators, keys and values that do not hold.
 */
export function labelSelectorRequirements(selector: LabelSelector | null | undefined): Selector | undefined {
  if (!selector) return undefined;
  const requirements: LabelRequirement[] = [];
  const add = (key: string, operator: LabelOperator, values: readonly string[]): void => {
    const problem = requirementProblem(key, operator, values, '');
    if (problem) throw new SelectorError(problem);
    requirements.push({ key, operator, values });
  };
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) add(key, '=', [value]);
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = Object.hasOwn(objectOperators, operator) ? objectOperators[operator] : undefined;
    if (!known) throw new SelectorError(`${goQuote(operator)} is not a valid label selector operator`);
    add(key, known, values ?? []);
  }
  return requirements.sort(byKey);
}

const compiled = new WeakMap<LabelSelector, { requirements: Selector | undefined }>();

/** Matches a LabelSelector object; nothing matches undefined or a selector that is not valid. The object must not change after. */
export function labelSelectorMatches(selector: LabelSelector | null | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false;
  let found = compiled.get(selector);
  if (!found) {
    let requirements: Selector | undefined;
    try {
      requirements = labelSelectorRequirements(selector);
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
    }
    found = { requirements };
    compiled.set(selector, found);
  }
  return found.requirements !== undefined && matchesLabels(found.requirements, labels);
}

function validateRequirement(requirement: LabelSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        errors.push(requiredValue(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          forbiddenValue(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
      break;
    default:
      errors.push(invalidValue(`${path}.operator`, requirement.operator ?? '', 'not a valid selector operator'));
  }
  const key = requirement.key ?? '';
  for (const message of qualifiedName(key)) errors.push(invalidValue(`${path}.key`, key, message));
  values.forEach((value, i) => {
    for (const message of labelValue(value)) errors.push(invalidValue(indexed(`${path}.values`, i), value, message));
  });
  return errors;
}

/** metadata.labels, matchLabels: every key and value. */
export function validateLabels(labels: Labels | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const message of qualifiedName(key)) errors.push(invalidValue(path, key, message));
    for (const message of labelValue(value)) errors.push(invalidValue(path, value, message));
  }
  return errors;
}

/** All findings about a LabelSelector in an object; `path` is the selector's own. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): FieldError[] {
  if (!selector) return [];
  const expressions = selector.matchExpressions ?? [];
  return [
    ...validateLabels(selector.matchLabels, `${path}.matchLabels`),
    ...expressions.flatMap((requirement, i) =>
      validateRequirement(requirement, indexed(`${path}.matchExpressions`, i)),
    ),
  ];
}
