// The form in which an object comes back from storage. kube-apiserver stores protobuf, which knows no empty list or map: where
// JSON always writes the field, an empty one comes back as null (`endpoints: null`, `rules: null`).
import type { Node, Struct } from './plan.ts';
import { planOf, type Schema } from './plan.ts';

const isAlwaysWritten = (struct: Struct): boolean =>
  struct.fields.some(
    ({ node, pointer, omitEmpty }) => (node.kind === 'list' || node.kind === 'map') && !pointer && !omitEmpty,
  );

const known = new Map<Struct, boolean>();

/** Whether there is such a field anywhere below; a type that refers to itself counts as one that has. */
function concerns(node: Node): boolean {
  if (node.element) return concerns(node.element);
  const struct = node.struct?.();
  if (!struct || struct.structural) return false;
  const before = known.get(struct);
  if (before !== undefined) return before;
  known.set(struct, true);
  const found = isAlwaysWritten(struct) || struct.fields.some((field) => concerns(field.node));
  known.set(struct, found);
  return found;
}

const isEmpty = (value: object): boolean => (Array.isArray(value) ? value : Object.keys(value)).length === 0;

function visit(node: Node, value: unknown): void {
  // What is frozen is stored already and shared.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || !concerns(node)) return;
  if (node.element) {
    for (const item of Object.values(value)) visit(node.element, item);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const { name, node: inner, pointer, omitEmpty } of node.struct!().fields) {
    const held = object[name];
    if (typeof held !== 'object' || held === null) continue;
    if (inner.element && !pointer && !omitEmpty && isEmpty(held)) object[name] = null;
    else visit(inner, held);
  }
}

/** To be called on a built-in object just before it is stored. Mutates, but for parts that are frozen. */
export const emptyAsNull = (schema: string | Schema, value: unknown): void => visit(planOf(schema), value);
