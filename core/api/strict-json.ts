// Request bodies: JSON and YAML to values, with the keys that were given more than once, and errors in the words of the
// parsers of kube-apiserver. JSON.parse does the work; the scanner runs only when something is wrong or repeated.
import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import { setOwn } from './schema/canonical.ts';
import type { RepeatedKeys } from './schema/diagnose.ts';

export interface ParsedBody {
  value: unknown;
  /** Set when an object names a key twice: its keys and values as they were given. */
  repeated?: RepeatedKeys;
}

/** Not JSON; the message is that of Go's encoding/json. */
export class JsonError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'JsonError';
  }
}

/** Not YAML; the message begins with `yaml: `. */
export class YamlError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'YamlError';
  }
}

/** Deeper values are refused, so that no walk over a value runs out of stack. Go's decoder stops at 10,000. */
const maxDepth = 1_000;
const tooDeep = 'exceeded max depth';

/** Number of keys in the text: colons outside strings. Throws JsonError when it is too deep. */
function keysInText(text: string): number {
  let count = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3a) count++;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > maxDepth) throw new JsonError(tooDeep);
    } else if (code === 0x7d || code === 0x5d) depth--;
    else if (code === 0x22) {
      i++;
      for (; i < text.length; i++) {
        const inside = text.charCodeAt(i);
        if (inside === 0x5c) i++;
        else if (inside === 0x22) break;
      }
    }
  }
  return count;
}

function keysInValue(root: unknown): number {
  let count = 0;
  const todo: unknown[] = [root];
  while (todo.length > 0) {
    const value = todo.pop();
    if (typeof value !== 'object' || value === null) continue;
    const items = Object.values(value);
    if (!Array.isArray(value)) count += items.length;
    for (const item of items) if (typeof item === 'object' && item !== null) todo.push(item);
  }
  return count;
}

/** Throws JsonError. */
export function parseJson(text: string): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return new Scanner(text).document();
  }
  return keysInText(text) === keysInValue(value) ? { value } : new Scanner(text).document();
}

const goChar = (char: string): string =>
  char === "'" ? `'\\''` : char === '"' ? `'"'` : `'${JSON.stringify(char).slice(1, -1)}'`;

/** Reads JSON itself: for repeated keys, and to say what is wrong and where as Go does. */
class Scanner {
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

export interface ParsedYaml {
  value: unknown;
  /** `line 3: key "a" already set in map`: repeated keys, which the last value wins. */
  repeated: string[];
}

/** A YAML body of one document, which may be JSON. An empty one is null. Throws YamlError. */
export function parseYaml(text: string): ParsedYaml {
  if (text.trim() === '') return { value: null, repeated: [] };
  try {
    return { value: plain(load(text, { schema: CORE_SCHEMA })), repeated: [] };
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError(`yaml: ${tooDeep}`);
    if (!(error instanceof YAMLException)) throw error;
    if (!/duplicated mapping key/.test(error.message)) throw yamlError(error);
    return withRepeatedKeys(text, error);
  }
}

/** Where the parser of kube-apiserver has other words for it. */
const yamlReasons: Readonly<Record<string, string>> = {
  'unexpected end of the stream within a flow collection': 'did not find expected node content',
};

const yamlError = (error: YAMLException): YamlError =>
  new YamlError(`yaml: line ${(error.mark?.line ?? 0) + 1}: ${yamlReasons[error.reason] ?? error.reason}`);

function withRepeatedKeys(text: string, first: YAMLException): ParsedYaml {
  const line = (first.mark?.line ?? 0) + 1;
  const key = /^\s*(?:-\s+)*["']?([^"':]*)/.exec(text.split('\n')[line - 1] ?? '')?.[1] ?? '';
  try {
    const value = plain(load(text, { schema: CORE_SCHEMA, json: true }));
    return { value, repeated: [`line ${line}: key ${JSON.stringify(key)} already set in map`] };
  } catch (error) {
    if (error instanceof YAMLException) throw yamlError(error);
    throw error;
  }
}

/** What JSON could have said. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (Number.isNaN(value) || value === Infinity || value === -Infinity)
    throw new YamlError(`yaml: unsupported value: ${value}`);
  return value;
}
