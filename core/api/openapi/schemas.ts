// The schemas that a document needs: those its paths name and all that these refer to.
import type { Kind } from '../kinds/kind.ts';
import data from '../schema/schemas-1.36.json' with { type: 'json' };

export type Json = { [field: string]: unknown };

const schemas = data as unknown as Record<string, Json>;
const prefix = '#/components/schemas/';

function* references(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    for (const item of value) yield* references(item);
  } else if (value !== null && typeof value === 'object') {
    for (const [field, inner] of Object.entries(value)) {
      if (field === '$ref' && typeof inner === 'string') yield inner.slice(prefix.length);
      else yield* references(inner);
    }
  }
}

/** Names in alphabetical order; a name that the data does not hold is left out. */
export function closure(roots: Iterable<string>): string[] {
  const found = new Set<string>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const schema = schemas[name];
    if (found.has(name) || !schema) continue;
    found.add(name);
    open.push(...references(schema));
  }
  return [...found].sort();
}

/** Top-level schemas say which kind they are; kubectl finds them by it. */
export function namedSchemas(names: readonly string[], kinds: readonly Kind[]): [string, Json][] {
  const byName = new Map<string, { group: string; kind: string; version: string }[]>();
  for (const kind of kinds) {
    const list = kind.verbs.includes('list') ? [[`${kind.schema}List`, `${kind.kind}List`] as const] : [];
    for (const [name, label] of [[kind.schema, kind.kind] as const, ...list]) {
      byName.set(name, [...(byName.get(name) ?? []), { group: kind.group, kind: label, version: kind.version }]);
    }
  }
  return names.map((name) => {
    const gvks = byName.get(name);
    return [name, gvks ? { ...schemas[name]!, 'x-kubernetes-group-version-kind': gvks } : schemas[name]!];
  });
}
