// Label selectors (strings and objects) and field selectors: parse, match, validate.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors and .../field-selectors/
import type { FieldError } from './errors.ts';
import { forbiddenValue, goQuote, indexed, invalidValue, requiredValue } from './field-errors.ts';
import { labelValue, qualifiedName } from './names.ts';
import { SelectorError, type SelectorToken, scanSelector } from './selector-tokens.ts';
import type { LabelSelector, LabelSelectorRequirement } from './types.gen.ts';

export {
  type FieldRequirement,
  type FieldSelector,
  formatFieldSelector,
  matchesFields,
  parseFieldSelector,
} from './field-selectors.ts';
export { SelectorError } from './selector-tokens.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

/** All must hold; [] selects everything. */
export type Selector = readonly LabelRequirement[];
export type Labels = Readonly<Record<string, string>>;

const inOrder = (values: Iterable<string>): string[] => [...new Set(values)].sort();
const byKey = (a: LabelRequirement, b: LabelRequirement): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
const isInt64 = (text: string): boolean =>
  /^[-+]?[0-9]+$/.test(text) && BigInt.asIntN(64, BigInt(text.replace('+', ''))) === BigInt(text.replace('+', ''));

/** The findings about one requirement, as one message; undefined when it is fine. */
function requirementProblem(
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

const operatorOf: Partial<Record<SelectorToken['kind'], LabelOperator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

class LabelSelectorParser {
  private readonly tokens: SelectorToken[];
  private position = 0;

  constructor(text: string) {
    this.tokens = scanSelector(text);
  }

  /** `in` and `notin` are words of their own only where an operator stands. */
  private look(): SelectorToken {
    const token = this.tokens[this.position]!;
    return token.kind === 'in' || token.kind === 'notin' ? { ...token, kind: 'word' } : token;
  }

  private take(): SelectorToken {
    const token = this.look();
    this.position++;
    return token;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.look();
      if (next.kind === 'end') return requirements;
      if (next.kind !== 'word' && next.kind !== '!') {
        throw new SelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.requirement());
      const after = this.take();
      if (after.kind === 'end') return requirements;
      if (after.kind !== ',') throw new SelectorError(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.look();
      if (following.kind !== 'word' && following.kind !== '!') {
        throw new SelectorError(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  private requirement(): LabelRequirement {
    try {
      return this.parseRequirement();
    } catch (error) {
      if (error instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${error.message}`);
      throw error;
    }
  }

  private parseRequirement(): LabelRequirement {
    let token = this.take();
    const negated = token.kind === '!';
    if (negated) token = this.take();
    if (token.kind !== 'word') throw new SelectorError(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const keyErrors = qualifiedName(key);
    if (keyErrors.length > 0) throw new SelectorError(`<nil>: Invalid value: ${goQuote(key)}: ${keyErrors.join('; ')}`);
    if (negated) return { key, operator: '!', values: [] };
    const next = this.look().kind;
    if (next === 'end' || next === ',') return { key, operator: 'exists', values: [] };
    const operator = this.operator();
    const values = operator === 'in' || operator === 'notin' ? this.valueList() : [this.exactValue()];
    const problem = requirementProblem(key, operator, values, '');
    if (problem) throw new SelectorError(problem);
    return { key, operator, values };
  }

  private operator(): LabelOperator {
    const token = this.tokens[this.position++]!;
    const operator = operatorOf[token.kind];
    if (!operator) throw new SelectorError(`found '${token.text}', expected: in, notin, =, ==, !=, gt, lt`);
    return operator;
  }

  private exactValue(): string {
    const next = this.look().kind;
    if (next === 'end' || next === ',') return '';
    const token = this.take();
    if (token.kind !== 'word') throw new SelectorError(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  private valueList(): string[] {
    const open = this.take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.look();
    if (first.kind === ')') {
      this.position++;
      return [''];
    }
    if (first.kind !== 'word' && first.kind !== ',') {
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.words();
    this.position++;
    return values;
  }

  /** Up to the closing parenthesis; an empty place between commas is an empty value. */
  private words(): string[] {
    const values = new Set<string>();
    for (;;) {
      const token = this.take();
      if (token.kind === 'word') {
        values.add(token.text);
        const next = this.look();
        if (next.kind === ')') return inOrder(values);
        if (next.kind !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (token.kind === ',') {
        if (values.size === 0) values.add('');
        const next = this.look().kind;
        if (next === ')' || next === ',') values.add('');
        if (next === ')') return inOrder(values);
      } else {
        throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }
}

/** Parses a label selector's string form, sorted by key. Throws SelectorError in apimachinery's words. */
export const parseLabelSelector = (text: string): Selector => new LabelSelectorParser(text).parse().sort(byKey);

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
