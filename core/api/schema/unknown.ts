// Fields that this version does not know. While a deployment is under way functions of two versions run side by side, and what the
// newer ones have stored passes through the older ones: an older writer neither sets, changes nor removes what it does not know.
import { sameJson } from '../json-value.ts';
import { canonicalValue, setOwn } from './canonical.ts';
import { type Node, planOf } from './plan.ts';

type Dictionary = Record<string, unknown>;

const isDictionary = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function anyUnknown(node: Node, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (node.element) {
    for (const key in value) if (anyUnknown(node.element, (value as Dictionary)[key])) return true;
    return false;
  }
  const struct = node.struct?.();
  if (!struct || struct.preserveUnknown) return false;
  for (const key in value) {
    const field = struct.byName.get(key);
    if (!field || anyUnknown(field.node, (value as Dictionary)[key])) return true;
  }
  return false;
}

/** Whether a stored object holds a field, at any depth, that the schema does not know. */
export const hasUnknown = (schema: string, value: unknown): boolean => anyUnknown(planOf(schema), value);

/** What tells the items of a list apart; none: they are told apart by all that is known of them. */
const keysOf = ({ schema }: Node): readonly string[] => {
  const mergeKey = schema['x-kubernetes-patch-merge-key'];
  return schema['x-kubernetes-list-map-keys'] ?? (mergeKey ? [mergeKey] : []);
};

function keepInList(node: Node, before: readonly unknown[], after: readonly unknown[]): void {
  const element = node.element!;
  const keys = keysOf(node);
  const isSame = (one: Dictionary, known: () => unknown, other: Dictionary): boolean =>
    keys.length > 0 ? keys.every((key) => sameJson(one[key], other[key])) : sameJson(known(), other);
  const left = new Set(after.filter(isDictionary));
  for (const one of before) {
    if (!isDictionary(one) || !anyUnknown(element, one)) continue;
    const known = (): unknown => canonicalValue(element, one, { irregular: false });
    const other = [...left].find((candidate) => isSame(one, known, candidate));
    if (!other) continue;
    left.delete(other);
    keep(element, one, other);
  }
}

function keep(node: Node, before: unknown, after: unknown): void {
  if (before === after) return;
  if (node.kind === 'list') {
    if (Array.isArray(before) && Array.isArray(after)) keepInList(node, before, after);
    return;
  }
  if (!isDictionary(before) || !isDictionary(after)) return;
  if (node.element) {
    for (const key of Object.keys(before)) if (Object.hasOwn(after, key)) keep(node.element, before[key], after[key]);
    return;
  }
  const struct = node.struct?.();
  if (!struct || struct.preserveUnknown) return;
  for (const key of Object.keys(before)) {
    const field = struct.byName.get(key);
    if (field) keep(field.node, before[key], after[key]);
    else if (!Object.hasOwn(after, key)) setOwn(after, key, before[key]);
  }
}

/**
 * Puts what the schema does not know of `before` into `after`, wherever the struct that it stands in is still there: items of
 * lists are found again by their list's keys, or else by all that is known of them. Mutates `after`.
 */
export const keepUnknown = (schema: string, before: unknown, after: unknown): void =>
  keep(planOf(schema), before, after);
