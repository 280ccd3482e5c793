// The fast walk: a value in the form in which Go would write it after reading it. It only notices that something is wrong;
// diagnose.ts then says what.
import type { Field, Node, Struct } from './plan.ts';
import { asBase64, asInt32, asInt64, asMicroTime, asQuantity, asTime } from './scalars.ts';

export interface Walk {
  /** Set when a type did not fit, a field was unknown or a value could not be read. */
  irregular: boolean;
}

type Dictionary = Record<string, unknown>;

const isDictionary = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Assignment that a key named __proto__ cannot misuse. */
export function setOwn(target: Dictionary, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else target[key] = value;
}

/** What Go's zero value of a type looks like in JSON. */
export function zeroValue(node: Node): unknown {
  switch (node.kind) {
    case 'struct':
      return node.struct!().structural ? null : canonicalStruct(node.struct!(), {}, { irregular: false });
    case 'string':
      return '';
    case 'int32':
    case 'int64':
    case 'float':
    case 'intOrString':
      return 0;
    case 'bool':
      return false;
    case 'quantity':
      return '0';
    default:
      return null;
  }
}

export function canonicalValue(node: Node, value: unknown, walk: Walk): unknown {
  switch (node.kind) {
    case 'string':
      if (typeof value === 'string') return value;
      break;
    case 'struct':
      if (isDictionary(value)) return canonicalStruct(node.struct!(), value, walk);
      break;
    case 'list':
      if (Array.isArray(value)) return canonicalList(node, value, walk);
      break;
    case 'map':
      if (isDictionary(value)) return canonicalMap(node, value, walk);
      break;
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
    case 'any':
      return value;
    default: {
      const scalar = canonicalScalar(node, value);
      if (scalar !== undefined) return scalar;
    }
  }
  walk.irregular = true;
  return undefined;
}

function canonicalScalar(node: Node, value: unknown): unknown {
  switch (node.kind) {
    case 'int32':
      return asInt32(value);
    case 'int64':
      return asInt64(value);
    case 'float':
      return typeof value === 'number' ? value : undefined;
    case 'intOrString':
      return typeof value === 'string' ? value : asInt32(value);
    case 'time':
      return typeof value === 'string' ? asTime(value) : undefined;
    case 'microTime':
      return typeof value === 'string' ? asMicroTime(value) : undefined;
    case 'quantity': {
      if (typeof value !== 'string' && typeof value !== 'number') return undefined;
      const quantity = asQuantity(value);
      return 'text' in quantity ? quantity.text : undefined;
    }
    case 'bytes': {
      const bytes = typeof value === 'string' ? asBase64(value) : undefined;
      return bytes && 'text' in bytes ? bytes.text : undefined;
    }
    default:
      return undefined;
  }
}

function canonicalList(node: Node, values: readonly unknown[], walk: Walk): unknown[] {
  const element = node.element!;
  const out: unknown[] = new Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    out[i] = value === null || value === undefined ? zeroValue(element) : canonicalValue(element, value, walk);
  }
  return out;
}

function canonicalMap(node: Node, values: Dictionary, walk: Walk): Dictionary {
  const element = node.element!;
  const out: Dictionary = {};
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value === undefined) continue;
    setOwn(out, key, value === null ? zeroValue(element) : canonicalValue(element, value, walk));
  }
  return out;
}

/** Empty for omitempty: zero scalars, nil and empty lists and maps; never a struct. */
function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false || value === null || value === undefined) return true;
  return Array.isArray(value) && value.length === 0;
}

const isEmptyMap = (value: unknown): boolean => {
  for (const _ in value as Dictionary) return false;
  return true;
};

/** What is written for a field that was not given, undefined for nothing. */
function absentField(field: Field): unknown {
  if (field.pointer) return field.omitEmpty ? undefined : null;
  if (field.omitZero) return undefined;
  const { kind } = field.node;
  if (field.omitEmpty) {
    // Types that write themselves are never empty to Go.
    const written = kind === 'struct' || kind === 'quantity' || kind === 'time' || kind === 'microTime';
    return written || field.node.goType === 'runtime.RawExtension' ? zeroValue(field.node) : undefined;
  }
  return zeroValue(field.node);
}

function presentField(field: Field, value: unknown, walk: Walk): unknown {
  const { node } = field;
  const read = canonicalValue(node, value, walk);
  if (node.kind === 'time' || node.kind === 'microTime') {
    return read === '' ? absentField(field) : read;
  }
  if (field.pointer || !field.omitEmpty) return read;
  switch (node.kind) {
    case 'struct':
    case 'quantity':
    case 'intOrString':
      return read;
    case 'map':
      return isEmptyMap(read) ? undefined : read;
    default:
      return isEmpty(read) ? undefined : read;
  }
}

export function canonicalStruct(struct: Struct, value: Dictionary, walk: Walk): Dictionary {
  if (struct.structural) return structuralValue(struct, value, walk);
  const out: Dictionary = {};
  let known = 0;
  for (const field of struct.fields) {
    const given = value[field.name];
    let written: unknown;
    if (given === undefined) written = absentField(field);
    else {
      known++;
      written = given === null ? absentField(field) : presentField(field, given, walk);
    }
    if (written !== undefined) out[field.name] = written;
  }
  if (Object.keys(value).length !== known) walk.irregular = true;
  return out;
}

/** Custom resources: nothing is filled in or left out but unknown fields, and null where it is not allowed. */
function structuralValue(struct: Struct, value: Dictionary, walk: Walk): Dictionary {
  const out: Dictionary = {};
  for (const key of Object.keys(value)) {
    const given = value[key];
    const field = struct.byName.get(key);
    if (field) {
      if (given === null ? field.schema.nullable : given !== undefined) {
        setOwn(out, key, given === null ? null : canonicalValue(field.node, given, walk));
      }
    } else if (struct.preserveUnknown) setOwn(out, key, given);
    else walk.irregular = true;
  }
  return out;
}
