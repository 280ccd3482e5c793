// Whatever is missing, null or empty in an object: rules find it, they never break.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allCases, withChanges } from '../../../test/golden/kinds/cases.ts';
import type { KubeObject } from '../objects.ts';
import { DecodeError } from '../schema/diagnose.ts';
import { applyDefaults, decode } from '../schema/walker.ts';
import { kindFor } from './index.ts';
import type { Kind, WriteContext } from './kind.ts';

/** One of so many is tried: all of them take ten seconds. */
const stride = 7;

type Json = Record<string, unknown>;

const tables = JSON.parse(
  readFileSync(new URL('../../../test/golden/kinds/answers/tables.json', import.meta.url), 'utf8'),
) as { object: Json }[];
const samples: Json[] = [
  ...allCases().map(({ base, changes }) => withChanges(base, changes)),
  ...tables.map(({ object }) => object),
];

const context: WriteContext = { nowMs: 0, uuid: () => 'uid', user: { username: 'admin', groups: [] } };

/** Each object with one place of it taken away, null or empty. */
function* spoiled(root: Json): Generator<Json> {
  const paths: string[][] = [];
  const walk = (value: unknown, path: string[]): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (path.length === 0 && (key === 'apiVersion' || key === 'kind')) continue;
      paths.push([...path, key]);
      walk(inner, [...path, key]);
    }
  };
  walk(root, []);
  for (const path of paths) {
    for (const replacement of [undefined, null, {}, [], '', 0]) {
      const copy = structuredClone(root);
      let at: Json = copy;
      for (const key of path.slice(0, -1)) at = at[key] as Json;
      const last = path.at(-1)!;
      if (replacement !== undefined) at[last] = replacement;
      else if (Array.isArray(at)) at.splice(Number(last), 1);
      else delete at[last];
      yield copy;
    }
  }
}

function read(kind: Kind, object: Json): KubeObject | undefined {
  try {
    return decode(kind.schema, object).value;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function use(kind: Kind, object: KubeObject, old: KubeObject): void {
  const fresh = structuredClone(object);
  applyDefaults(kind.schema, fresh);
  kind.setDefaults?.(fresh);
  kind.prepareForCreate?.(fresh, context);
  kind.validate?.(fresh);
  kind.warnings?.(fresh, undefined);
  kind.warnings?.(fresh, old);
  for (const subresource of ['', 'status']) {
    const changed = structuredClone(object);
    kind.setDefaults?.(changed);
    kind.prepareForUpdate?.(changed, old, context, subresource);
    kind.validateUpdate?.(changed, old, subresource);
    kind.generationBasis?.(changed);
  }
  for (const column of kind.columns) column.cell(object, 0);
  kind.fieldLabels(object);
  kind.gracePeriodSeconds?.(object);
  kind.fromStorage?.(kind.toStorage?.(object) ?? object);
}

test('no rule breaks on what is missing, null or empty', () => {
  const broken = new Map<string, string>();
  let count = 0;
  for (const sample of samples) {
    const kind = kindFor(String(sample['apiVersion']), String(sample['kind']))!;
    const base = read(kind, sample);
    if (!base) continue;
    for (const object of spoiled(sample)) {
      if (++count % stride) continue;
      const decoded = read(kind, object);
      if (!decoded?.metadata) continue;
      for (const [now, old] of [
        [decoded, base],
        [base, decoded],
      ] as const) {
        try {
          use(kind, now, old);
        } catch (error) {
          const { stack } = error as Error;
          broken.set(stack!.split('\n').slice(0, 3).join(' '), JSON.stringify(object).slice(0, 300));
        }
      }
    }
  }
  assert.deepEqual([...broken], []);
});
