// The string form of label selectors: `app=web,tier in (a, b),!old`.
// Follows https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
import { goQuote } from './field-errors.ts';
import {
  byKey,
  inOrder,
  type LabelOperator,
  type LabelRequirement,
  requirementProblem,
  type Selector,
} from './label-requirements.ts';
import { qualifiedName } from './names.ts';
import { SelectorError, type SelectorToken, scanSelector } from './selector-tokens.ts';

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
