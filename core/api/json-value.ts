// Copies and comparisons of plain JSON values.
import { setOwn } from './schema/canonical.ts';

type Dictionary = Record<string, unknown>;

/** A deep copy that shares nothing; several times as fast as structuredClone. */
export function copyJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  const copy: Dictionary = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyJson((value as Dictionary)[key]));
  return copy as T;
}

/** Same structure and values; the order of keys does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => sameJson(item, b[i]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && sameJson((a as Dictionary)[key], (b as Dictionary)[key]));
}
