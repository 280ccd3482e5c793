// What changed between two values of a type, as sets of field paths. Lists are compared by their keys, sets by their values,
// everything atomic as a whole. Values are in canonical form; undefined is absent, null is a value.
// Follows https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
import { type FieldSet, fieldElement, insertPath, keyElement, valueElement } from './field-set.ts';
import type { Node, Schema } from './schema/plan.ts';

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

type Dictionary = Record<string, unknown>;

const isObject = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Equal as JSON values; the order of keys does not matter. */
export function sameJsonValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJsonValue(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameJsonValue(a[key], b[key]));
}

/** Values of types that Go knows nothing of are leaves; what a custom resource leaves open is looked into. */
const isLeafAny = (node: Node): boolean => node.goType !== 'interface {}';

const listType = (node: Node, own: Schema): string =>
  own['x-kubernetes-list-type'] ?? node.schema['x-kubernetes-list-type'] ?? 'atomic';
const mapType = (node: Node, own: Schema): string =>
  own['x-kubernetes-map-type'] ?? node.schema['x-kubernetes-map-type'] ?? 'granular';

/** A key named __proto__ is a key like others. */
const ownValue = (object: Dictionary, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);

class Comparer {
  readonly result: Comparison = { added: new Map(), modified: new Map(), removed: new Map() };
  private readonly path: string[] = [];

  private leaf(before: unknown, after: unknown): void {
    if (before === undefined) insertPath(this.result.added, this.path);
    else if (after === undefined) insertPath(this.result.removed, this.path);
    else if (!sameJsonValue(before, after)) insertPath(this.result.modified, this.path);
  }

  /** A branch that came or went counts itself, beside what is below it. */
  private branch(before: unknown, after: unknown): void {
    if (before === undefined) insertPath(this.result.added, this.path);
    else if (after === undefined) insertPath(this.result.removed, this.path);
  }

  private at(element: string, compare: () => void): void {
    this.path.push(element);
    compare();
    this.path.pop();
  }

  compare(node: Node, own: Schema, before: unknown, after: unknown): void {
    if (before === undefined && after === undefined) return;
    const sample = after === undefined || after === null ? before : after;
    if (node.kind === 'list') this.list(node, own, before, after);
    else if (node.kind === 'struct' || node.kind === 'map') this.dictionary(node, own, before, after);
    else if (node.kind === 'any' && !isLeafAny(node) && isObject(sample)) this.dictionary(node, own, before, after);
    else this.leaf(before, after);
  }

  private dictionary(node: Node, own: Schema, before: unknown, after: unknown): void {
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    if (mapType(node, own) === 'atomic' || keys.size === 0) {
      this.leaf(before, after);
      return;
    }
    const struct = node.struct?.();
    for (const key of keys) {
      const field = struct?.byName.get(key);
      const child = field?.node ?? node.element ?? node;
      this.at(fieldElement(key), () =>
        this.compare(child, field?.schema ?? child.schema, ownValue(left, key), ownValue(right, key)),
      );
    }
    this.branch(before, after);
  }

  private list(node: Node, own: Schema, before: unknown, after: unknown): void {
    const left = Array.isArray(before) ? before : [];
    const right = Array.isArray(after) ? after : [];
    const type = listType(node, own);
    if ((type !== 'map' && type !== 'set') || (left.length === 0 && right.length === 0)) {
      this.leaf(before, after);
      return;
    }
    const keys = own['x-kubernetes-list-map-keys'] ?? [];
    const element = node.element!;
    const groups = new Map<string, [unknown[], unknown[]]>();
    [left, right].forEach((items, side) => {
      for (const item of items) {
        const name = type === 'set' ? valueElement(item) : keyElement(keysOf(element, item, keys));
        const group = groups.get(name) ?? [[], []];
        group[side]!.push(item);
        groups.set(name, group);
      }
    });
    for (const [name, [olds, news]] of groups) this.at(name, () => this.elements(element, olds, news));
    this.branch(before, after);
  }

  /** Elements of one key. Duplicates are not allowed but happen: they count as one thing. */
  private elements(element: Node, olds: unknown[], news: unknown[]): void {
    if (olds.length <= 1 && news.length <= 1) {
      this.compare(element, element.schema, olds[0], news[0]);
    } else if (olds.length > 1 && news.length > 1) {
      if (!sameJsonValue(olds, news)) insertPath(this.result.modified, this.path);
    } else if (olds.length > 1) {
      if (news.length > 0) this.compare(element, element.schema, undefined, news[0]);
      insertPath(this.result.removed, this.path);
    } else {
      if (olds.length > 0) this.compare(element, element.schema, olds[0], undefined);
      insertPath(this.result.added, this.path);
    }
  }
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

export function compareFields(node: Node, before: unknown, after: unknown): Comparison {
  const comparer = new Comparer();
  comparer.compare(node, node.schema, before, after);
  return comparer.result;
}
