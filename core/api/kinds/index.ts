// The registry of built-in kinds: what the table says of each, with the rules of those that have a file of their own.
import { buildKind } from './build.ts';
import type { Kind } from './kind.ts';
import { rulesOf } from './rules.ts';
import { rows } from './table.ts';

const idOf = (group: string, version: string, last: string): string => `${group}/${version}/${last}`;

/** All built-in kinds, in order of group, preferred version first. */
export const kinds: readonly Kind[] = rows.map((row) => buildKind(row, rulesOf(row.group, row.version, row.kind)));

const byPlural = new Map(kinds.map((kind) => [idOf(kind.group, kind.version, kind.plural), kind]));
const byKind = new Map(kinds.map((kind) => [idOf(kind.group, kind.version, kind.kind), kind]));

/** The kind that a path names (`/apis/apps/v1/.../deployments`); group '' for the core. */
export const findKind = (group: string, version: string, plural: string): Kind | undefined =>
  byPlural.get(idOf(group, version, plural));

/** The kind of an object by its apiVersion ("v1", "apps/v1") and kind ("Deployment"). */
export function kindFor(apiVersion: string, kind: string): Kind | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  return byKind.get(idOf(group, apiVersion.slice(slash + 1), kind));
}
