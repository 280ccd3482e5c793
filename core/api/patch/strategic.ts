// Strategic merge patch: lists merge by the keys that the schema names, and directives say what else to do.
// Follows https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md

import { badRequest } from '../errors.ts';
import { copyJson } from '../json-value.ts';
import { setOwn } from '../schema/canonical.ts';
import { type Node, planOf, type Schema } from '../schema/plan.ts';
import { type Identity, orderMerged } from './strategic-order.ts';

type Dictionary = Record<string, unknown>;

const directive = '$patch';
const retainKeys = '$retainKeys';
const setElementOrder = '$setElementOrder';
const deleteFromPrimitiveList = '$deleteFromPrimitiveList';

const isObject = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Go prints a decoded JSON value. */
export function goPrint(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goPrint).join(' ')}]`;
  if (isObject(value)) {
    const entries = Object.keys(value).sort();
    return `map[${entries.map((key) => `${key}:${goPrint(value[key])}`).join(' ')}]`;
  }
  return value === null || value === undefined ? '<nil>' : String(value);
}

const goTypeOf = (value: unknown): string => {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  return value === null
    ? '<nil>'
    : typeof value === 'number'
      ? 'int64'
      : typeof value === 'boolean'
        ? 'bool'
        : 'string';
};

interface Meta {
  node: Node | undefined;
  /** 'merge' or 'replace' without retainKeys; '' when nothing is said. */
  strategy: string;
  mergeKey: string;
}

const plain: Meta = { node: undefined, strategy: '', mergeKey: '' };

/** What the schema says about a member; a member that it does not know merges without keys. */
function metaOf(node: Node | undefined, key: string): Meta {
  const field = node?.kind === 'struct' ? node.struct!().byName.get(key) : undefined;
  if (!field) return node?.kind === 'map' ? { ...plain, node: node.element } : plain;
  const strategies = (field.schema['x-kubernetes-patch-strategy'] ?? '').split(',');
  return {
    node: field.node,
    strategy: strategies.find((strategy) => strategy !== 'retainKeys') ?? '',
    mergeKey: field.schema['x-kubernetes-patch-merge-key'] ?? '',
  };
}

/** A copy without members that are null, of a value that is new to the object. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const result: Dictionary = {};
  for (const [key, item] of Object.entries(value)) if (item !== null) setOwn(result, key, withoutNulls(item));
  return result;
}

const isDirective = (value: unknown): boolean => isObject(value) && Object.hasOwn(value, directive);

/** A value of the patch as it is taken over: maps that only carry a directive go. undefined: nothing is left. */
function taken(value: unknown): unknown {
  if (isDirective(value)) return undefined;
  if (Array.isArray(value)) return value.map(taken).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  const result: Dictionary = {};
  for (const [key, item] of Object.entries(value)) {
    const kept = taken(item);
    if (kept !== undefined) setOwn(result, key, kept);
  }
  return result;
}

function put(target: Dictionary, key: string, value: unknown): void {
  const kept = taken(withoutNulls(value));
  if (kept === undefined) delete target[key];
  else setOwn(target, key, kept);
}

/** 'map', 'scalar' or undefined for no elements. Throws for lists in lists and mixed lists. */
function elementKind(...lists: readonly unknown[][]): 'map' | 'scalar' | undefined {
  let known: string | undefined;
  for (const item of lists.flat()) {
    if (Array.isArray(item)) throw badRequest('lists of lists are not supported');
    const type = goTypeOf(item);
    if (known !== undefined && known !== type)
      throw badRequest(`list element types are not identical: ${goPrint(lists)}`);
    known = type;
  }
  return known === undefined ? undefined : known.startsWith('map') ? 'map' : 'scalar';
}

const identityBy =
  (mergeKey: string): Identity =>
  (item) =>
    mergeKey && isObject(item) ? item[mergeKey] : item;

function keyOf(item: unknown, mergeKey: string): unknown {
  if (isObject(item) && Object.hasOwn(item, mergeKey)) return item[mergeKey];
  throw badRequest(`map: ${goPrint(item)} does not contain declared merge key: ${mergeKey}`);
}

/** Elements of the patch that carry a directive act at once; the others are to be merged. */
function applyDirectives(
  original: unknown[],
  patch: readonly Dictionary[],
  mergeKey: string,
): [unknown[], Dictionary[]] {
  const ordinary: Dictionary[] = [];
  const gone = new Set<unknown>();
  let replace = false;
  for (const item of patch) {
    if (!isDirective(item)) ordinary.push(item);
    else if (item[directive] === 'delete') gone.add(keyOf(item, mergeKey));
    else if (item[directive] === 'replace') replace = true;
    else if (item[directive] === 'merge') throw badRequest('merging lists cannot yet be specified in the patch');
    else throw badRequest(`unknown patch type: ${goPrint(item[directive])} in map: ${goPrint(item)}`);
  }
  if (replace) return [ordinary, []];
  return [original.filter((other) => !isObject(other) || !gone.has(other[mergeKey])), ordinary];
}

function mergeLists(original: unknown[], patch: unknown[], meta: Meta, name: string): unknown[] {
  const kind = elementKind(original, patch);
  if (kind === undefined) return original;
  if (kind === 'scalar') {
    const merged = [...new Set([...original, ...patch])];
    return orderMerged(merged, patch, original, identityBy(''));
  }
  const { mergeKey } = meta;
  if (!mergeKey) throw badRequest(`cannot merge lists without merge key for ${name}`);
  const [kept, ordinary] = applyDirectives(original, patch as Dictionary[], mergeKey);
  const merged = [...kept];
  const places = new Map<unknown, number>();
  const note = (item: unknown, at: number): void => {
    if (isObject(item) && !places.has(item[mergeKey])) places.set(item[mergeKey], at);
  };
  for (const [at, item] of merged.entries()) note(item, at);
  for (const item of ordinary) {
    const at = places.get(keyOf(item, mergeKey));
    if (at !== undefined) merged[at] = mergeMaps(merged[at] as Dictionary, item, meta.node?.element);
    else note(item, merged.push(item) - 1);
  }
  for (const item of merged) keyOf(item, mergeKey);
  return orderMerged(merged, ordinary, kept, identityBy(mergeKey));
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw badRequest(`expected a []interface {}, but received a ${goTypeOf(value)}`);
}

const orderProblem = 'invalid patch format of setElementOrder list';

/** Each element of the patch must come in the order that the directive gives. */
function checkOrder(patch: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0 || patch.length === 0) return;
  const identity = identityBy(mergeKey);
  const named = patch.filter((item) => !isDirective(item));
  let at = 0;
  for (const item of order) {
    if (mergeKey) keyOf(item, mergeKey);
    if (at < named.length) {
      if (mergeKey) keyOf(named[at], mergeKey);
      if (identity(named[at]) === identity(item)) at++;
    }
  }
  if (at < named.length) {
    throw badRequest(
      `The order in patch list:\n${goPrint(patch)}\n doesn't match ${setElementOrder} list:\n${goPrint(order)}\n`,
    );
  }
}

/** Merges and orders the lists that `$setElementOrder/...` names; returns the members of the patch that are done with. */
function applyElementOrders(target: Dictionary, patch: Dictionary, node: Node | undefined): Set<string> {
  const done = new Set<string>();
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(setElementOrder)) continue;
    done.add(key);
    const name = key.startsWith(`${setElementOrder}/`) ? key.slice(setElementOrder.length + 1) : '';
    if (!name) throw badRequest(orderProblem);
    const order = listOf(value);
    const original = Object.hasOwn(target, name) ? listOf(target[name]) : undefined;
    const change = Object.hasOwn(patch, name) ? listOf(patch[name]) : undefined;
    const meta = metaOf(node, name);
    checkOrder(change ?? [], order, meta.mergeKey);
    if (change) done.add(name);
    if (!original && !change) continue;
    let merged: unknown[];
    if (!change) merged = original!;
    else if (!original) merged = taken(change) as unknown[];
    else merged = meta.strategy === 'merge' ? mergeLists(original, change, meta, name) : change;
    if (meta.mergeKey) for (const item of merged) keyOf(item, meta.mergeKey);
    target[name] = orderMerged(merged, order, original ?? [], identityBy(meta.mergeKey));
  }
  return done;
}

const isMarker = (key: string): boolean =>
  key === retainKeys || key.startsWith(setElementOrder) || key.startsWith(deleteFromPrimitiveList);

/** Drops what `$retainKeys` does not name. */
function applyRetainKeys(target: Dictionary, patch: Dictionary): void {
  if (!Object.hasOwn(patch, retainKeys)) return;
  const keys = patch[retainKeys];
  if (!Array.isArray(keys)) throw badRequest('invalid patch format of retainKeys');
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !isMarker(key) && !keys.includes(key)) throw badRequest('invalid patch format of retainKeys');
  }
  for (const key of Object.keys(target)) if (!keys.includes(key)) delete target[key];
}

function removeFromList(target: Dictionary, key: string, value: unknown): void {
  const name = key.startsWith(`${deleteFromPrimitiveList}/`) ? key.slice(deleteFromPrimitiveList.length + 1) : '';
  if (!name) throw badRequest('invalid patch format of primitive list');
  const list = Object.hasOwn(target, name) ? target[name] : undefined;
  if (!Array.isArray(list) || !Array.isArray(value)) return;
  const gone = new Set<unknown>(value);
  target[name] = list.filter((item) => !gone.has(item));
}

/** The original (which is left as it is) with the patch merged in. */
function mergeMaps(original: Dictionary, patch: Dictionary, node: Node | undefined): Dictionary {
  if (isDirective(patch)) {
    const { [directive]: what, ...rest } = patch;
    if (what === 'replace') return rest;
    if (what === 'delete') return {};
    throw badRequest(`unknown patch type: ${goPrint(what)} in map: ${goPrint(patch)}`);
  }
  const target: Dictionary = {};
  for (const [key, value] of Object.entries(original)) setOwn(target, key, value);
  applyRetainKeys(target, patch);
  const done = applyElementOrders(target, patch, node);
  for (const [key, value] of Object.entries(patch)) {
    if (done.has(key) || key === retainKeys) continue;
    if (key.startsWith(deleteFromPrimitiveList)) removeFromList(target, key, value);
    else if (value === null) delete target[key];
    else mergeMember(target, key, value, node);
  }
  return target;
}

function mergeMember(target: Dictionary, key: string, value: unknown, node: Node | undefined): void {
  const current = Object.hasOwn(target, key) ? target[key] : undefined;
  const meta = metaOf(node, key);
  if (isObject(current) && isObject(value)) {
    setOwn(target, key, meta.strategy === 'replace' ? value : mergeMaps(current, value, meta.node));
  } else if (Array.isArray(current) && Array.isArray(value)) {
    setOwn(target, key, meta.strategy === 'merge' ? mergeLists(current, value, meta, key) : value);
  } else put(target, key, value);
}

/**
 * A new value; neither argument is changed. `schema` names the type of `target`. Fields that the type does not know are left to
 * the decoder. Throws BadRequest for patches that cannot be applied.
 */
export function applyStrategicMergePatch(schema: string | Schema, target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest('invalid JSON document');
  return copyJson(mergeMaps(isObject(target) ? target : {}, patch, planOf(schema)));
}
