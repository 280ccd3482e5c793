// The cases: base objects, each with changes by path, and what to do with the result.
import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';

export type Json = Record<string, unknown>;
export type Changes = Record<string, unknown>;

interface Group {
  base: Json;
  create?: Record<string, Changes>;
  update?: Record<string, Changes>;
  status?: Record<string, Changes>;
}

export type Operation = 'create' | 'update' | 'status';

export interface Case {
  file: string;
  group: number;
  /** Names the case within its file. */
  name: string;
  operation: Operation;
  base: Json;
  changes: Changes;
}

const folder = new URL('./cases/', import.meta.url);

/** Sets the value at `spec.containers[0].image`; null takes the field away. */
export function withChanges(base: Json, changes: Changes): Json {
  const object = structuredClone(base);
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(/\.|\[(\d+)\]/).filter((step) => step !== undefined && step !== '');
    let at = object as Record<string, unknown>;
    for (const step of steps.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
    const last = steps.at(-1)!;
    if (value === null) delete at[last];
    else at[last] = structuredClone(value);
  }
  return object;
}

export function allCases(): Case[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml')).sort();
  return files.flatMap((file) => {
    const content = load(readFileSync(new URL(file, folder), 'utf8')) as Group | Group[];
    const groups = Array.isArray(content) ? content : [content];
    return groups.flatMap((group, index) =>
      (['create', 'update', 'status'] as const).flatMap((operation) =>
        Object.entries(group[operation] ?? {}).map(([name, changes]) => ({
          file: file.replace('.yaml', ''),
          group: index,
          name: `${group.base['apiVersion']} ${group.base['kind']} ${operation}: ${name}`,
          operation,
          base: group.base,
          changes,
        })),
      ),
    );
  });
}
