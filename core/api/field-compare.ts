// What changed between two values of a type, as sets of field paths. Lists are compared by their keys, sets by their values,
// everything atomic as a whole. Values are in canonical form; undefined is absent, null is a value.
// Follows https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import {
  type FieldEntry,
  type FieldSet,
  fieldElement,
  keyElement,
  leafEntry,
  noFields,
  valueElement,
} from './field-set.ts';
import { sameJson } from './json-value.ts';
import type { Node, Schema } from './schema/plan.ts';

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

type Dictionary = Record<string, unknown>;

const isObject = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Values of types that Go knows nothing of are leaves; what a custom resource leaves open is looked into. */
const isLeafAny = (node: Node): boolean => node.goType !== 'interface {}';

const listType = (node: Node, own: Schema): string =>
  own['x-kubernetes-list-type'] ?? node.schema['x-kubernetes-list-type'] ?? 'atomic';
const mapType = (node: Node, own: Schema): string =>
  own['x-kubernetes-map-type'] ?? node.schema['x-kubernetes-map-type'] ?? 'granular';

/** A key named __proto__ is a key like others. */
const ownValue = (object: Dictionary, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

type Side = keyof Comparison;
const sides: readonly Side[] = ['added', 'modified', 'removed'];

/** What changed at one path and below it; nothing is made for what stayed as it was. */
type Change = Partial<Record<Side, FieldEntry>> | undefined;
type Levels = Partial<Record<Side, Map<string, FieldEntry>>>;

const isBranch = (node: Node, own: Schema, sample: unknown): boolean => {
  switch (node.kind) {
    case 'struct':
    case 'map':
      return mapType(node, own) !== 'atomic';
    case 'any':
      return !isLeafAny(node) && typeof sample === 'object' && !Array.isArray(sample);
    case 'list': {
      const type = listType(node, own);
      return type === 'map' || type === 'set';
    }
    default:
      return false;
  }
};

const addedLeaf: Change = { added: leafEntry };
const modifiedLeaf: Change = { modified: leafEntry };
const removedLeaf: Change = { removed: leafEntry };

function compareLeaf(before: unknown, after: unknown): Change {
  if (before === undefined) return addedLeaf;
  if (after === undefined) return removedLeaf;
  return sameJson(before, after) ? undefined : modifiedLeaf;
}

/** What was found below a path, with the path itself where it came or went. */
function gathered(levels: Levels, before: unknown, after: unknown): Change {
  let change: Change;
  for (const side of sides) {
    const below = levels[side];
    const member = (side === 'added' && before === undefined) || (side === 'removed' && after === undefined);
    if (!below && !member) continue;
    change ??= {};
    change[side] = below ? { member, below } : leafEntry;
  }
  return change;
}

function put(levels: Levels, element: string, change: Change): void {
  if (!change) return;
  for (const side of sides) {
    const entry = change[side];
    if (entry) (levels[side] ??= new Map()).set(element, entry);
  }
}

function compareDictionaries(node: Node, left: Dictionary, right: Dictionary, levels: Levels): void {
  const byName = node.struct?.().byName;
  const compareMember = (key: string): void => {
    const field = byName?.get(key);
    const child = field?.node ?? node.element ?? node;
    const change = compareAt(child, field?.schema ?? child.schema, ownValue(left, key), ownValue(right, key));
    if (change) put(levels, fieldElement(key), change);
  };
  for (const key of Object.keys(left)) compareMember(key);
  for (const key of Object.keys(right)) if (!Object.hasOwn(left, key)) compareMember(key);
}

function compareLists(
  node: Node,
  own: Schema,
  left: readonly unknown[],
  right: readonly unknown[],
  levels: Levels,
): void {
  const keys = own['x-kubernetes-list-map-keys'] ?? [];
  const element = node.element!;
  const isSet = listType(node, own) === 'set';
  const groups = new Map<string, [unknown[], unknown[]]>();
  [left, right].forEach((items, side) => {
    for (const item of items) {
      const name = isSet ? valueElement(item) : keyElement(keysOf(element, item, keys));
      const group = groups.get(name) ?? [[], []];
      group[side]!.push(item);
      groups.set(name, group);
    }
  });
  for (const [name, [olds, news]] of groups) put(levels, name, compareElements(element, olds, news));
}

/** Elements of one key. Duplicates are not allowed but happen: they count as one thing. */
function compareElements(element: Node, olds: unknown[], news: unknown[]): Change {
  if (olds.length <= 1 && news.length <= 1) return compareAt(element, element.schema, olds[0], news[0]);
  if (olds.length > 1 && news.length > 1) return sameJson(olds, news) ? undefined : modifiedLeaf;
  const one = olds.length > 1 ? news[0] : olds[0];
  const side: Side = olds.length > 1 ? 'removed' : 'added';
  const found =
    one === undefined
      ? undefined
      : compareAt(element, element.schema, side === 'added' ? one : undefined, side === 'added' ? undefined : one);
  return { ...found, [side]: { member: true, below: found?.[side]?.below ?? noFields } };
}

function compareAt(node: Node, own: Schema, before: unknown, after: unknown): Change {
  if (before === after) return undefined;
  if (!isBranch(node, own, after ?? before)) return compareLeaf(before, after);
  const levels: Levels = {};
  if (node.kind === 'list') {
    const [left, right] = [Array.isArray(before) ? before : [], Array.isArray(after) ? after : []];
    if (left.length === 0 && right.length === 0) return compareLeaf(before, after);
    // Most lists stay as they are; that is seen without making their keys.
    if (sameJson(before, after)) return undefined;
    compareLists(node, own, left, right, levels);
  } else {
    const [left, right] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
    if (Object.keys(left).length === 0 && Object.keys(right).length === 0) return compareLeaf(before, after);
    compareDictionaries(node, left, right, levels);
  }
  return gathered(levels, before, after);
}

function keysOf(element: Node, item: unknown, keys: readonly string[]): Dictionary {
  const values: Dictionary = {};
  for (const key of keys) {
    const given = isObject(item) ? item[key] : undefined;
    const value = given ?? element.struct?.().byName.get(key)?.schema.default;
    if (value !== undefined) values[key] = value;
  }
  return values;
}

/** The paths below the root; the root itself is in none of them. */
export function compareFields(node: Node, before: unknown, after: unknown): Comparison {
  const change = compareAt(node, node.schema, before, after);
  return {
    added: change?.added?.below ?? noFields,
    modified: change?.modified?.below ?? noFields,
    removed: change?.removed?.below ?? noFields,
  };
}
