// JSON Merge Patch (RFC 7386).
import { copyJson } from '../json-value.ts';
import { setOwn } from '../schema/canonical.ts';

type Dictionary = Record<string, unknown>;

const isObject = (value: unknown): value is Dictionary =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A new value; neither argument is changed. null removes a member, objects merge, everything else replaces. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return copyJson(patch);
  const base = isObject(target) ? target : {};
  const result: Dictionary = {};
  for (const key of Object.keys(base)) {
    if (!Object.hasOwn(patch, key)) setOwn(result, key, copyJson(base[key]));
    else if (patch[key] !== null) setOwn(result, key, applyMergePatch(base[key], patch[key]));
  }
  for (const key of Object.keys(patch)) {
    if (patch[key] !== null && !Object.hasOwn(base, key)) setOwn(result, key, applyMergePatch(undefined, patch[key]));
  }
  return result;
}
