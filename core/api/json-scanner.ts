// Reads JSON by hand: for repeated keys, which JSON.parse hides, and to say what is wrong and where as Go does.
import { goQuote } from './field-errors.ts';
import { setOwn } from './schema/canonical.ts';
import type { RepeatedKeys } from './schema/diagnose.ts';

/** Not JSON; the message is that of Go's encoding/json. */
export class JsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonError';
  }
}

/** Deeper values are refused, so that no walk over a value runs out of stack. Go's decoder stops at 10,000. */
export const maxDepth = 1_000;
export const tooDeep = 'exceeded max depth';

export interface ParsedBody {
  value: unknown;
  /** Set when an object names a key twice: its keys and values as they were given. */
  repeated?: RepeatedKeys;
}

const encoder = new TextEncoder();

/** A character as Go's decoder shows it: it looks at the first byte of its UTF-8 form only. */
function goChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  return `'${goQuote(String.fromCharCode(encoder.encode(char)[0]!)).slice(1, -1)}'`;
}

export class JsonScanner {
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private readonly repeated = new Map<object, (readonly [string, unknown])[]>();

  constructor(text: string) {
    this.text = text;
  }

  document(): ParsedBody {
    this.space();
    const value = this.value('looking for beginning of value');
    this.space();
    if (this.at < this.text.length) this.fail('after top-level value');
    return { value, repeated: this.repeated };
  }

  private fail(context: string): never {
    if (this.at >= this.text.length) throw new JsonError('unexpected end of JSON input');
    const char = String.fromCodePoint(this.text.codePointAt(this.at)!);
    throw new JsonError(`invalid character ${goChar(char)} ${context}`);
  }

  private space(): void {
    while (this.at < this.text.length && ' \t\r\n'.includes(this.text[this.at]!)) this.at++;
  }

  private value(context: string): unknown {
    switch (this.text[this.at]) {
      case '{':
        return this.nested(() => this.object());
      case '[':
        return this.nested(() => this.array());
      case '"':
        return this.string();
      case 't':
        return this.literal('true', true);
      case 'f':
        return this.literal('false', false);
      case 'n':
        return this.literal('null', null);
      default:
        return this.number(context);
    }
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > maxDepth) throw new JsonError(tooDeep);
    this.at++;
    const value = read();
    this.depth--;
    return value;
  }

  private literal(word: string, value: unknown): unknown {
    for (let i = 0; i < word.length; i++, this.at++) {
      if (this.text[this.at] !== word[i]) this.fail(`in literal ${word} (expecting ${goChar(word[i]!)})`);
    }
    return value;
  }

  private digits(context: string): void {
    const start = this.at;
    while (this.at < this.text.length && /[0-9]/.test(this.text[this.at]!)) this.at++;
    if (this.at === start) this.fail(context);
  }

  private number(context: string): number {
    const start = this.at;
    if (this.text[this.at] === '-') {
      this.at++;
      if (!/[0-9]/.test(this.text[this.at] ?? '')) this.fail('in numeric literal');
    }
    if (this.text[this.at] === '0') this.at++;
    else this.digits(context);
    if (this.text[this.at] === '.') {
      this.at++;
      this.digits('after decimal point in numeric literal');
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at++;
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at++;
      this.digits('in exponent of numeric literal');
    }
    return Number(this.text.slice(start, this.at));
  }

  private string(): string {
    const start = this.at++;
    for (;;) {
      const char = this.text[this.at];
      if (char === undefined) this.fail('');
      if (char === '"') break;
      if (char < ' ') this.fail('in string literal');
      this.at++;
      if (char === '\\') this.escape();
    }
    this.at++;
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  private escape(): void {
    const char = this.text[this.at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char)) this.fail('in string escape code');
    this.at++;
    if (char !== 'u') return;
    for (let i = 0; i < 4; i++, this.at++) {
      if (!/[0-9a-fA-F]/.test(this.text[this.at] ?? '')) this.fail('in \\u hexadecimal character escape');
    }
  }

  private array(): unknown[] {
    const items: unknown[] = [];
    this.space();
    if (this.text[this.at] === ']') {
      this.at++;
      return items;
    }
    for (;;) {
      this.space();
      items.push(this.value('looking for beginning of value'));
      this.space();
      const char = this.text[this.at];
      if (char !== ',' && char !== ']') this.fail('after array element');
      this.at++;
      if (char === ']') return items;
    }
  }

  private object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const entries: (readonly [string, unknown])[] = [];
    let repeats = false;
    this.space();
    if (this.text[this.at] === '}') {
      this.at++;
      return object;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') this.fail('looking for beginning of object key string');
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ':') this.fail('after object key');
      this.at++;
      this.space();
      const value = this.value('looking for beginning of value');
      repeats ||= Object.hasOwn(object, key);
      setOwn(object, key, value);
      entries.push([key, value]);
      this.space();
      const char = this.text[this.at];
      if (char !== ',' && char !== '}') this.fail('after object key:value pair');
      this.at++;
      if (char === '}') break;
    }
    if (repeats) this.repeated.set(object, entries);
    return object;
  }
}
