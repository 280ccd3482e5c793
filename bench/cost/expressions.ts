// The expressions of DynamoDB that the store's driver uses, read and carried out on an item in memory.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
export interface Value {
  S?: string;
  N?: string;
  /** Base64, as on the wire. */
  B?: string;
}

export type Item = Record<string, Value>;

export interface Names {
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
}

type Test = (item: Item | undefined, names: Names) => boolean;
type Term = (item: Item | undefined, names: Names) => Value | undefined;

export const comparable = (value: Value): string | number => value.S ?? (value.N === undefined ? value.B! : +value.N);

class Reader {
  readonly #tokens: string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/<=|>=|<>|[=<>(),+-]|[#:]?\w+/g) ?? [];
  }

  get done(): boolean {
    return this.#at === this.#tokens.length;
  }

  take(): string {
    return this.#tokens[this.#at++] ?? '';
  }

  /** Takes the next token if it is this one. */
  takes(token: string): boolean {
    if (this.#tokens[this.#at]?.toUpperCase() !== token) return false;
    this.#at++;
    return true;
  }

  expect(token: string): void {
    if (!this.takes(token)) throw new Error(`expected ${token} in the expression ${this.#tokens.join(' ')}`);
  }

  either(): Test {
    const tests = [this.all()];
    while (this.takes('OR')) tests.push(this.all());
    return (item, names) => tests.some((test) => test(item, names));
  }

  all(): Test {
    const tests = [this.#test()];
    while (this.takes('AND')) tests.push(this.#test());
    return (item, names) => tests.every((test) => test(item, names));
  }

  #test(): Test {
    if (this.takes('(')) {
      const test = this.either();
      this.expect(')');
      return test;
    }
    for (const [name, wanted] of [
      ['ATTRIBUTE_EXISTS', true],
      ['ATTRIBUTE_NOT_EXISTS', false],
    ] as const) {
      if (!this.takes(name)) continue;
      this.expect('(');
      const attribute = this.term();
      this.expect(')');
      return (item, names) => (attribute(item, names) !== undefined) === wanted;
    }
    const left = this.term();
    if (this.takes('BETWEEN')) {
      const low = this.term();
      this.expect('AND');
      const high = this.term();
      return (...of) => compare('>=', left(...of), low(...of)) && compare('<=', left(...of), high(...of));
    }
    const operator = this.take();
    const right = this.term();
    return (...of) => compare(operator, left(...of), right(...of));
  }

  term(): Term {
    const token = this.take();
    if (token === 'if_not_exists') {
      this.expect('(');
      const attribute = this.term();
      this.expect(',');
      const otherwise = this.term();
      this.expect(')');
      return (...of) => attribute(...of) ?? otherwise(...of);
    }
    if (token.startsWith(':')) return (_item, names) => names.ExpressionAttributeValues?.[token];
    return (item, names) => item?.[names.ExpressionAttributeNames?.[token] ?? token];
  }

  sum(): Term {
    const left = this.term();
    if (!this.takes('+')) return left;
    const right = this.term();
    return (...of) => ({ N: String(Number(left(...of)?.N) + Number(right(...of)?.N)) });
  }
}

function compare(operator: string, left: Value | undefined, right: Value | undefined): boolean {
  if (!left || !right) return false;
  const [a, b] = [comparable(left), comparable(right)];
  if (operator === '=') return a === b;
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  if (operator === '>=') return a >= b;
  throw new Error(`the operator ${operator} is not known`);
}

const tests = new Map<string, Test>();

/** Whether a condition holds; none always does. */
export function holds(condition: string | undefined, item: Item | undefined, names: Names): boolean {
  if (!condition) return true;
  let test = tests.get(condition);
  if (!test) tests.set(condition, (test = new Reader(condition).either()));
  return test(item, names);
}

const updates = new Map<string, { name: string; term: Term }[]>();

function readUpdate(expression: string): { name: string; term: Term }[] {
  const reader = new Reader(expression);
  reader.expect('SET');
  const actions: { name: string; term: Term }[] = [];
  do {
    const name = reader.take();
    reader.expect('=');
    actions.push({ name, term: reader.sum() });
  } while (reader.takes(','));
  if (!reader.done) throw new Error(`the update ${expression} is not understood`);
  return actions;
}

/** What an update sets, as the item stands before it. */
export function assigned(expression: string, item: Item | undefined, names: Names): Item {
  let actions = updates.get(expression);
  if (!actions) updates.set(expression, (actions = readUpdate(expression)));
  const set: Item = {};
  for (const { name, term } of actions) {
    const value = term(item, names);
    if (value) set[names.ExpressionAttributeNames?.[name] ?? name] = value;
  }
  return set;
}
