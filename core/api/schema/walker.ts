// Reads values of any built-in type (by its schema's name) or custom resource (by its schema): types, unknown fields,
// canonical form; defaults and enums. Semantics of kube-apiserver's JSON decoder:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
import type { FieldError } from '../errors.ts';
import { indexed, unsupportedValue } from '../field-errors.ts';
import { copyJson } from '../json-value.ts';
import type { KubeObject } from '../objects.ts';
import { canonicalValue, zeroValue } from './canonical.ts';
import { DecodeError, diagnose, type RepeatedKeys } from './diagnose.ts';
import { type Node, planOf, type Schema, type Struct } from './plan.ts';

export { DecodeError, type RepeatedKeys } from './diagnose.ts';
export type { Schema } from './plan.ts';

export interface Decoded<T = KubeObject> {
  value: T;
  /** `unknown field "spec.foo"`, `duplicate field "spec.replicas"`, in the order of the text. */
  strictErrors: string[];
}

/**
 * A new value in the form in which Go writes it again: unknown fields gone, times in UTC, quantities canonical, zero values
 * left out where they mean nothing and filled in where a field is always written. Throws DecodeError in Go's words.
 */
export function decode<T = KubeObject>(schema: string | Schema, value: unknown, repeated?: RepeatedKeys): Decoded<T> {
  const node = planOf(schema);
  const walk = { irregular: false };
  const read = value === null || value === undefined ? zeroValue(node) : canonicalValue(node, value, walk);
  if (!walk.irregular && !repeated) return { value: read as T, strictErrors: [] };
  const strictErrors = diagnose(node, value, repeated);
  return { value: read as T, strictErrors };
}

/** The value without fields that the schema does not know. Throws DecodeError. */
export const prune = <T = KubeObject>(schema: string | Schema, value: unknown): T => decode<T>(schema, value).value;

/** Message of what does not fit the types, undefined when all does. */
export function typeErrors(schema: string | Schema, value: unknown): string | undefined {
  try {
    diagnose(planOf(schema), value, undefined);
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

/** Whether a plan holds anything that `worth` looks for, so that whole branches can be passed by. A type that refers to itself counts as one that does. */
function reaching(worth: (schema: Schema, node: Node) => boolean): (node: Node) => boolean {
  const known = new Map<Struct, boolean>();
  const reaches = (node: Node): boolean => {
    if (node.element) return worth(node.schema, node) || reaches(node.element);
    const struct = node.struct?.();
    if (!struct) return false;
    const before = known.get(struct);
    if (before !== undefined) return before;
    known.set(struct, true);
    const found = struct.fields.some((field) => worth(field.schema, field.node) || reaches(field.node));
    known.set(struct, found);
    return found;
  };
  return reaches;
}

/** Zero values in the data are what Go writes anyway, not defaults. */
const isRealDefault = (value: unknown): boolean =>
  value !== undefined &&
  value !== '' &&
  value !== 0 &&
  value !== false &&
  !(typeof value === 'object' && Object.keys(value ?? {}).length === 0);
const reachesDefaults = reaching((schema) => isRealDefault(schema.default));

const isUnset = (value: unknown): boolean => value === undefined || value === null || value === '';

function fillDefaults(node: Node, value: unknown): void {
  if (value === null || typeof value !== 'object' || !reachesDefaults(node)) return;
  if (node.element) {
    for (const item of Array.isArray(value) ? value : Object.values(value)) fillDefaults(node.element, item);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const field of node.struct!().fields) {
    const preset = field.schema.default;
    if (isRealDefault(preset) && isUnset(object[field.name])) object[field.name] = copyJson(preset);
    fillDefaults(field.node, object[field.name]);
  }
}

/** Fills in the defaults that the schema holds. Mutates. Those that need a rule are the kind's own. */
export const applyDefaults = (schema: string | Schema, value: unknown): void => fillDefaults(planOf(schema), value);

const hasEnum = (schema: Schema): boolean => schema.enum !== undefined;
const reachesEnums = reaching((schema, node) => hasEnum(schema) || hasEnum(node.element?.schema ?? {}));

function checkEnums(node: Node, own: Schema, value: unknown, path: string, errors: FieldError[]): void {
  if (own.enum && typeof value === 'string' && value !== '' && !own.enum.includes(value)) {
    errors.push(unsupportedValue(path, value, own.enum as string[]));
  }
  if (value === null || typeof value !== 'object' || !reachesEnums(node)) return;
  if (node.element) {
    for (const [key, item] of Object.entries(value))
      checkEnums(node.element, node.element.schema, item, indexed(path, key), errors);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const field of node.struct!().fields) {
    const item = object[field.name];
    if (item !== undefined)
      checkEnums(field.node, field.schema, item, path ? `${path}.${field.name}` : field.name, errors);
  }
}

/** `Unsupported value: "x": supported values: "A", "B"` for each string that is not one of its field's values; '' counts as unset. */
export function enumErrors(schema: string | Schema, value: unknown): FieldError[] {
  const errors: FieldError[] = [];
  const node = planOf(schema);
  checkEnums(node, node.schema, value, '', errors);
  return errors;
}
