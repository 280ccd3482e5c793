// Sets of field paths, as metadata.managedFields writes them (FieldsV1): `f:name` a field, `k:{"name":"web"}` an element of a
// keyed list, `v:"x"` an element of a set, `.` the path itself.
// Follows https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1)
import { goJson } from './field-errors.ts';
import { setOwn } from './schema/canonical.ts';

/** What a set holds at a path element. */
export interface FieldEntry {
  /** Whether the path itself belongs to the set, apart from what is below it. */
  readonly member: boolean;
  readonly below: FieldSet;
}

/** Path element to what is known there. Sets share their parts: never change one that was handed out. */
export type FieldSet = ReadonlyMap<string, FieldEntry>;
export type FieldsV1 = { [element: string]: FieldsV1 };

export const noFields: FieldSet = new Map();
export const leafEntry: FieldEntry = { member: true, below: noFields };

export const fieldElement = (name: string): string => `f:${name}`;
export const valueElement = (value: unknown): string => `v:${jsonText(value)}`;

const plainText = /^[\x20-\x7e]*$/;
const escaped = /["\\<>&]/;
/** As Go writes it; most values are names that need no escapes. */
const jsonText = (value: unknown): string =>
  typeof value === 'string' && plainText.test(value) && !escaped.test(value) ? `"${value}"` : goJson(value);

/** Keys are sorted by name. */
export function keyElement(keys: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(keys);
  if (names.length === 1) return `k:{${jsonText(names[0])}:${jsonText(keys[names[0]!])}}`;
  return `k:{${names
    .sort()
    .map((name) => `${jsonText(name)}:${jsonText(keys[name])}`)
    .join(',')}}`;
}

/** A set of paths. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  let set = noFields;
  for (const path of paths) {
    const only = path.reduceRight<FieldSet>(
      (below, element, i) => new Map([[element, { member: i === path.length - 1, below }]]),
      noFields,
    );
    set = unionOf(set, only);
  }
  return set;
}

export function unionOf(a: FieldSet, b: FieldSet): FieldSet {
  if (a.size === 0 || b.size === 0) return a.size === 0 ? b : a;
  const result = new Map(a);
  for (const [element, entry] of b) {
    const other = a.get(element);
    result.set(
      element,
      other ? { member: other.member || entry.member, below: unionOf(other.below, entry.below) } : entry,
    );
  }
  return result;
}

/** The paths of a that are not in b; a itself when they have none in common. */
export function differenceOf(a: FieldSet, b: FieldSet): FieldSet {
  if (a.size === 0 || b.size === 0) return a;
  let result: Map<string, FieldEntry> | undefined;
  for (const [element, entry] of a) {
    const other = b.get(element);
    if (!other) continue;
    const member = entry.member && !other.member;
    const below = differenceOf(entry.below, other.below);
    if (member === entry.member && below === entry.below) continue;
    result ??= new Map(a);
    if (member || below.size > 0) result.set(element, { member, below });
    else result.delete(element);
  }
  return result ?? a;
}

/** Without a whole branch. */
export function withoutBranch(set: FieldSet, element: string): FieldSet {
  if (!set.has(element)) return set;
  const result = new Map(set);
  result.delete(element);
  return result;
}

/** Distinct FieldsV1 trees (and parts of trees) that are held to be shared; thousands of pods have the same few. */
const maxShared = 4096;
/** Parts down to here (`f:spec`, `f:containers`) are shared each for itself, what is below only as a part of them. */
const sharedDepth = 2;
const shared = new Map<string, FieldsV1>();
const identities = new WeakMap<object, number>();
let lastIdentity = 0;

/** The one frozen object for this content. Above the shared depth, what is inside is shared already. */
function shareLevel(fields: FieldsV1, depth: number): FieldsV1 {
  let content = '';
  if (depth >= sharedDepth) content = JSON.stringify(fields);
  else for (const element of Object.keys(fields)) content += `${element}\0${identities.get(fields[element]!)}\0`;
  const known = shared.get(content);
  if (known) return known;
  if (shared.size >= maxShared) shared.clear();
  shared.set(content, Object.freeze(fields));
  identities.set(fields, ++lastIdentity);
  return fields;
}

const empty = shareLevel({}, sharedDepth);

/** The same content as a frozen tree whose equal parts are one object wherever they occur. What is no object counts as empty. */
export function shareFields(fields: unknown, depth = 0): FieldsV1 {
  if (typeof fields !== 'object' || fields === null) return empty;
  if (identities.has(fields)) return fields as FieldsV1;
  const copy: FieldsV1 = {};
  let isEmpty = true;
  for (const element of Object.keys(fields)) {
    isEmpty = false;
    setOwn(copy, element, shareFields((fields as FieldsV1)[element], depth + 1));
  }
  if (isEmpty) return empty;
  return depth > sharedDepth ? Object.freeze(copy) : shareLevel(copy, depth);
}

const parsed = new WeakMap<object, FieldSet>();

/** Reads a tree that shareFields made, once. */
export function parseFieldSet(fields: FieldsV1): FieldSet {
  const known = parsed.get(fields);
  if (known) return known;
  const set = new Map<string, FieldEntry>();
  for (const [element, inner] of Object.entries(fields)) {
    // Elements of a kind that is not known are left out, as in the reference.
    if (!knownElement.test(element)) continue;
    const below = parseFieldSet(inner);
    const entry = below.size === 0 ? leafEntry : { member: Object.hasOwn(inner, '.'), below };
    set.set(canonicalElement(element), entry);
  }
  const result = set.size === 0 ? noFields : set;
  if (identities.has(fields)) parsed.set(fields, result);
  return result;
}

const knownElement = /^[fkvi]:/;

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

/** A shared tree, in order of the path elements: fields, then keyed elements, then values, as their first letters happen to sort. */
export const formatFieldSet = (set: FieldSet): FieldsV1 => (set.size === 0 ? empty : formatLevel(set, false, 0));

function formatLevel(set: FieldSet, isMember: boolean, depth: number): FieldsV1 {
  const fields: FieldsV1 = isMember ? { '.': empty } : {};
  const elements = set.size > 1 ? [...set.keys()].sort() : set.keys();
  for (const element of elements) {
    const { member, below } = set.get(element)!;
    setOwn(fields, element, below.size === 0 ? empty : formatLevel(below, member, depth + 1));
  }
  return depth > sharedDepth ? Object.freeze(fields) : shareLevel(fields, depth);
}
