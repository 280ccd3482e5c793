// One requirement of a label selector: what it may say, whether labels meet it, how it is written.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
import type { FieldError } from './errors.ts';
import { invalidValue } from './field-errors.ts';
import { labelValue, qualifiedName } from './names.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All must hold; [] selects everything. */
export type Selector = readonly LabelRequirement[];
export type Labels = Readonly<Record<string, string>>;

export const inOrder = (values: Iterable<string>): string[] => [...new Set(values)].sort();
export const byKey = (a: LabelRequirement, b: LabelRequirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
const isInt64 = (text: string): boolean =>
  /^[-+]?[0-9]+$/.test(text) && BigInt.asIntN(64, BigInt(text.replace('+', ''))) === BigInt(text.replace('+', ''));

/** The findings about one requirement, as one message; undefined when it is fine. */
export function requirementProblem(
  key: string,
  operator: LabelOperator,
  values: readonly string[],
  path: string,
): string | undefined {
  const errors: FieldError[] = [];
  const child = (name: string): string => (path ? `${path}.${name}` : name);
  const keyErrors = qualifiedName(key);
  if (keyErrors.length > 0) errors.push(invalidValue(child('key'), key, keyErrors.join('; ')));
  if (operator === 'gt' || operator === 'lt') {
    values.forEach((value, i) => {
      if (!isInt64(value)) {
        errors.push(
          invalidValue(`${child('values')}[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"),
        );
      }
    });
  }
  if ((operator === 'in' || operator === 'notin') && values.length === 0) {
    errors.push(invalidValue(child('values'), values, "for 'in', 'notin' operators, values set can't be empty"));
  }
  if ((operator === 'exists' || operator === '!') && values.length > 0) {
    errors.push(invalidValue(child('values'), values, 'values set must be empty for exists and does not exist'));
  }
  values.forEach((value, i) => {
    const valueErrors = labelValue(value);
    if (valueErrors.length > 0)
      errors.push(invalidValue(`${child('values')}[${i}][${key}]`, value, valueErrors.join('; ')));
  });
  if (errors.length === 0) return undefined;
  const texts = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))];
  return texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
}

function holds(requirement: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      if (value === undefined || !isInt64(value)) return false;
      const order = BigInt(value.replace('+', '')) - BigInt(requirement.values[0]!.replace('+', ''));
      return requirement.operator === 'gt' ? order > 0n : order < 0n;
    }
  }
}

export function matchesLabels(selector: Selector, labels: Labels | undefined): boolean {
  for (const requirement of selector) if (!holds(requirement, labels ?? {})) return false;
  return true;
}

/** The string form: what `kubectl` sends and what scale's status.selector shows. */
export function formatSelector(selector: Selector): string {
  return selector
    .map(({ key, operator, values }) => {
      if (operator === 'exists') return key;
      if (operator === '!') return `!${key}`;
      const joined = inOrder(values).join(',');
      if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${joined})`;
      return `${key}${operator === 'gt' ? '>' : operator === 'lt' ? '<' : operator}${joined}`;
    })
    .join(',');
}
