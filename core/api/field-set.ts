// Sets of field paths, as metadata.managedFields writes them (FieldsV1): `f:name` a field, `k:{"name":"web"}` an element of a
// keyed list, `v:"x"` an element of a set, `.` the path itself.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1)
import { goJson } from './field-errors.ts';
import { setOwn } from './schema/canonical.ts';

interface Entry {
  /** Whether the path itself belongs to the set, apart from what is below it. */
  member: boolean;
  below: FieldSet;
}

/** Path element to what is known there. Treat as immutable once built. */
export type FieldSet = Map<string, Entry>;
export type FieldsV1 = { [element: string]: FieldsV1 };

export const fieldElement = (name: string): string => `f:${name}`;
export const valueElement = (value: unknown): string => `v:${goJson(value)}`;
/** Keys are sorted by name. */
export const keyElement = (keys: Readonly<Record<string, unknown>>): string => {
  const sorted = Object.keys(keys).sort();
  return `k:{${sorted.map((key) => `${goJson(key)}:${goJson(keys[key])}`).join(',')}}`;
};

export function insertPath(set: FieldSet, path: readonly string[]): void {
  let level = set;
  for (let i = 0; i < path.length; i++) {
    let entry = level.get(path[i]!);
    if (!entry) {
      entry = { member: false, below: new Map() };
      level.set(path[i]!, entry);
    }
    if (i === path.length - 1) entry.member = true;
    level = entry.below;
  }
}

type Keep = (inA: boolean, inB: boolean) => boolean;
const nothing: FieldSet = new Map();

/** The paths for which `keep` holds, of all that are in a or b. */
function combine(a: FieldSet, b: FieldSet, keep: Keep): FieldSet {
  const result: FieldSet = new Map();
  for (const element of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(element), b.get(element)];
    const member = keep(left?.member ?? false, right?.member ?? false);
    const below = combine(left?.below ?? nothing, right?.below ?? nothing, keep);
    if (member || below.size > 0) result.set(element, { member, below });
  }
  return result;
}

export const unionOf = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA || inB);
export const differenceOf = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && !inB);
export const intersectionOf = (a: FieldSet, b: FieldSet): FieldSet => combine(a, b, (inA, inB) => inA && inB);

/** Without a whole branch. */
export function withoutBranch(set: FieldSet, element: string): FieldSet {
  if (!set.has(element)) return set;
  const result = new Map(set);
  result.delete(element);
  return result;
}

const knownElement = /^[fkvi]:/;

/** Elements of a kind that is not known are left out, as in the reference. Throws nothing: what is no object is an empty set. */
export function parseFieldSet(fields: unknown): FieldSet {
  const set: FieldSet = new Map();
  if (typeof fields !== 'object' || fields === null) return set;
  for (const [element, inner] of Object.entries(fields)) {
    if (!knownElement.test(element)) continue;
    const below = parseFieldSet(inner);
    const own = typeof inner === 'object' && inner !== null && Object.hasOwn(inner, '.');
    set.set(canonicalElement(element), { member: own || below.size === 0, below });
  }
  return set;
}

function canonicalElement(element: string): string {
  if (!element.startsWith('k:')) return element;
  try {
    const keys = JSON.parse(element.slice(2)) as unknown;
    return typeof keys === 'object' && keys !== null ? keyElement(keys as Record<string, unknown>) : element;
  } catch (error) {
    if (error instanceof SyntaxError) return element;
    throw error;
  }
}

/** Fields, then keyed elements, then values. */
const rank = (element: string): number => 'fkvi'.indexOf(element[0]!);

export function formatFieldSet(set: FieldSet): FieldsV1 {
  const fields: FieldsV1 = {};
  const elements = [...set.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
  for (const element of elements) {
    const { member, below } = set.get(element)!;
    const inner = formatFieldSet(below);
    setOwn(fields, element, member && below.size > 0 ? { '.': {}, ...inner } : inner);
  }
  return fields;
}
