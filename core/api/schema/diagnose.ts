// The slow walk over a value that the fast one found irregular: what is wrong, in the words of Go's JSON decoder.
// A type that does not fit is remembered (the first one counts) and the walk goes on; a value that a type's own reader refuses
// ends it at once. Unknown and repeated fields are collected in order.
import { goQuote } from '../field-errors.ts';
import type { Node, Struct } from './plan.ts';
import { asBase64, asInt32, asInt64, asQuantity } from './scalars.ts';
import { parseMicroTime, parseTime } from './times.ts';

/** Keys and values in the order of the text, for those objects of a body in which a key is repeated. */
export type RepeatedKeys = ReadonlyMap<object, readonly (readonly [string, unknown])[]>;

/** The body cannot be read as the type; the message is that of Go's decoder. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeError';
  }
}

const maxStrictErrors = 100;

function kindOfJson(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'null' : 'object';
  }
}

class Diagnosis {
  /** The first type error. */
  saved: string | undefined;
  readonly strict = new Set<string>();
  private structName = '';
  private readonly fields: string[] = [];
  private readonly path: string[] = [];
  private readonly repeated: RepeatedKeys | undefined;

  constructor(repeated: RepeatedKeys | undefined) {
    this.repeated = repeated;
  }

  private typeError(value: string, goType: string): string {
    const where =
      this.structName || this.fields.length > 0 ? `struct field ${this.structName}.${this.fields.join('.')}` : 'value';
    return `json: cannot unmarshal ${value} into Go ${where} of type ${goType}`;
  }

  private save(value: string, goType: string): void {
    this.saved ??= this.typeError(value, goType);
  }

  private note(what: 'unknown' | 'duplicate', key: string): void {
    if (this.strict.size >= maxStrictErrors) return;
    const path = this.path.join('');
    this.strict.add(`${what} field ${goQuote(path ? `${path}.${key}` : key)}`);
  }

  private entries(value: object): readonly (readonly [string, unknown])[] {
    return this.repeated?.get(value) ?? Object.entries(value);
  }

  walk(node: Node, value: unknown): void {
    if (value === undefined || node.kind === 'any') return;
    if (value === null) return;
    switch (node.kind) {
      case 'struct':
        if (kindOfJson(value) === 'object') this.struct(node.struct!(), value as object);
        else this.save(kindOfJson(value), node.goType);
        break;
      case 'map':
        if (kindOfJson(value) === 'object') this.map(node, value as object);
        else this.save(kindOfJson(value), node.goType);
        break;
      case 'list':
        if (!Array.isArray(value)) this.save(kindOfJson(value), node.goType);
        else
          value.forEach((item, i) => {
            this.path.push(`[${i}]`);
            this.walk(node.element!, item);
            this.path.pop();
          });
        break;
      default:
        this.scalar(node, value);
    }
  }

  private scalar(node: Node, value: unknown): void {
    const kind = kindOfJson(value);
    switch (node.kind) {
      case 'string':
      case 'bool':
        if (kind !== node.kind) this.save(kind, node.goType);
        break;
      case 'int32':
      case 'int64':
        if (kind !== 'number') this.save(kind, node.goType);
        else if ((node.kind === 'int32' ? asInt32(value) : asInt64(value)) === undefined)
          this.save(`number ${value}`, node.goType);
        break;
      case 'float':
        if (kind !== 'number') this.save(kind, node.goType);
        break;
      case 'bytes': {
        if (kind !== 'string') {
          this.save(kind, node.goType);
          break;
        }
        const bytes = asBase64(value as string);
        if ('error' in bytes) this.saved ??= bytes.error;
        break;
      }
      case 'intOrString':
        if (kind === 'string') break;
        if (kind !== 'number') throw new DecodeError(this.typeError(kind, 'int32'));
        if (asInt32(value) === undefined) throw new DecodeError(this.typeError(`number ${value}`, 'int32'));
        break;
      case 'quantity': {
        const text = kind === 'string' || kind === 'number' ? (value as string | number) : JSON.stringify(value);
        const quantity = asQuantity(text);
        if ('error' in quantity) throw new DecodeError(quantity.error);
        break;
      }
      case 'time':
      case 'microTime': {
        if (kind !== 'string') throw new DecodeError(this.typeError(kind, 'string'));
        const time = node.kind === 'time' ? parseTime(value as string) : parseMicroTime(value as string);
        if ('error' in time) throw new DecodeError(time.error);
        break;
      }
    }
  }

  private map(node: Node, value: object): void {
    const seen = new Set<string>();
    for (const [key, item] of this.entries(value)) {
      if (seen.has(key)) this.note('duplicate', key);
      seen.add(key);
      this.path.push(this.path.length > 0 ? `.${key}` : key);
      this.walk(node.element!, item);
      this.path.pop();
    }
  }

  private struct(struct: Struct, value: object): void {
    const outerName = this.structName;
    const depth = this.fields.length;
    const seen = new Set<string>();
    for (const [key, item] of this.entries(value)) {
      const field = struct.byName.get(key);
      if (!field) {
        if (!struct.preserveUnknown && item !== undefined) this.note('unknown', key);
        continue;
      }
      if (seen.has(key)) this.note('duplicate', key);
      seen.add(key);
      this.structName = struct.name;
      this.fields.push(...field.embedded, key);
      this.path.push(this.path.length > 0 ? `.${key}` : key);
      this.walk(field.node, item);
      this.path.pop();
      this.fields.length = depth;
      this.structName = outerName;
    }
  }
}

/** Unknown and duplicate fields, each once, at most 100. Throws DecodeError when a type does not fit. */
export function diagnose(node: Node, value: unknown, repeated: RepeatedKeys | undefined): string[] {
  const diagnosis = new Diagnosis(repeated);
  diagnosis.walk(node, value);
  if (diagnosis.saved) throw new DecodeError(diagnosis.saved);
  return [...diagnosis.strict];
}
