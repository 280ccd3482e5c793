// Series of writes to objects of several kinds, against what Kubernetes' own field manager kept (recorded, without times).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { formatFieldSet, parseFieldSet, shareFields } from './field-set.ts';
import { maxUpdateManagers, trackUpdate } from './managed-fields.ts';
import type { KubeObject } from './objects.ts';
import type { ManagedFieldsEntry } from './types.gen.ts';

interface Recorded {
  /** Schema, apiVersion, and writes: manager, subresource, object, entries afterwards. */
  s: string;
  a: string;
  steps: { m: string; b?: string; o: KubeObject; f: ManagedFieldsEntry[] | null }[];
}

const recorded = readFileSync(new URL('../../test/golden/managed-fields/updates.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

const identity = (entry: ManagedFieldsEntry): string =>
  JSON.stringify([entry.manager, entry.apiVersion, entry.subresource]);
const comparable = (entries: ManagedFieldsEntry[] | null | undefined): ManagedFieldsEntry[] =>
  (entries ?? []).map(({ time: _, ...entry }) => entry).sort((a, b) => (identity(a) < identity(b) ? -1 : 1));

test('who owns what after a series of writes is what Kubernetes keeps', () => {
  for (const { s: schema, a: apiVersion, steps } of recorded) {
    let before: KubeObject | undefined;
    for (const { m: manager, b: subresource = '', o: object, f: entries } of steps) {
      const after = structuredClone(object);
      trackUpdate(schema, before, after, { manager, apiVersion, time: '2026-01-01T00:00:00Z', subresource });
      assert.deepEqual(comparable(after.metadata.managedFields), comparable(entries), JSON.stringify(object));
      before = after;
    }
  }
});

const configMap = 'io.k8s.api.core.v1.ConfigMap';
const by = (manager: string, second = 0) => ({
  manager,
  apiVersion: 'v1',
  time: `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`,
  subresource: '',
});
const map = (data: Record<string, string>, entries?: ManagedFieldsEntry[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', uid: 'u', ...(entries ? { managedFields: entries } : {}) },
  data,
});

test('a write that changes nothing changes no entry, and a field moves with its value', () => {
  const first = map({ x: '1', y: '1' });
  trackUpdate(configMap, undefined, first, by('alice'));
  const same = map({ x: '1', y: '1' });
  trackUpdate(configMap, first, same, by('bob', 5));
  assert.deepEqual(same.metadata.managedFields, first.metadata.managedFields);
  const second = map({ x: '2', y: '1' });
  trackUpdate(configMap, same, second, by('bob', 9));
  assert.deepEqual(
    second.metadata.managedFields?.map((entry) => [entry.manager, entry.time, entry.fieldsV1]),
    [
      ['alice', '2026-01-01T00:00:00Z', { 'f:data': { '.': {}, 'f:y': {} } }],
      ['bob', '2026-01-01T00:00:09Z', { 'f:data': { 'f:x': {} } }],
    ],
  );
});

test('the eleventh manager makes the two oldest entries one', () => {
  let before: KubeObject | undefined;
  for (let i = 0; i <= maxUpdateManagers + 1; i++) {
    const after = map(Object.fromEntries(Array.from({ length: i + 1 }, (_, n) => [`k${n}`, 'x'])));
    trackUpdate(configMap, before, after, by(`m${i}`, i));
    before = after;
  }
  const entries = before!.metadata.managedFields!;
  assert.equal(entries.length, maxUpdateManagers);
  const oldest = entries.find((entry) => entry.manager === 'ancient-changes')!;
  assert.deepEqual(oldest.fieldsV1, { 'f:data': { '.': {}, 'f:k0': {}, 'f:k1': {}, 'f:k2': {} } });
});

test('one empty entry resets the list; entries that make no sense are not taken', () => {
  const first = map({ x: '1' });
  trackUpdate(configMap, undefined, first, by('alice'));
  const reset = map({ x: '1' }, [{}]);
  trackUpdate(configMap, first, reset, by('bob'));
  assert.equal(reset.metadata.managedFields, undefined);
  const wrong = map({ x: '1' }, [{ manager: 'x', operation: 'Frob' as 'Update' }]);
  trackUpdate(configMap, first, wrong, by('bob'));
  assert.deepEqual(wrong.metadata.managedFields, first.metadata.managedFields);
});

test('a field set is written as it was read, whatever it holds', () => {
  const fields = { 'f:a': { '.': {}, 'k:{"a":1,"b":"x"}': { 'f:c': {} }, 'v:"x"': {} }, 'f:b': {} };
  assert.deepEqual(formatFieldSet(parseFieldSet(shareFields(fields))), fields);
  assert.deepEqual(formatFieldSet(parseFieldSet(shareFields({ 'k:{"b":"x","a":1}': {}, 'z:unknown': {} }))), {
    'k:{"a":1,"b":"x"}': {},
  });
  for (const nonsense of [null, 1, 'x', [], [null], { 'f:': null }, { 'k:{': 1 }, { 'f:a': [1] }])
    formatFieldSet(parseFieldSet(shareFields(nonsense)));
});

test('objects with the same fields share one tree, so that thousands of pods cost no more than one', () => {
  const write = (uid: string): KubeObject => {
    const object: KubeObject = { ...map({ x: '1', y: '2' }), metadata: { name: uid, uid, labels: { app: 'web' } } };
    trackUpdate(configMap, undefined, object, by('alice'));
    return object;
  };
  const [a, b] = [write('a').metadata.managedFields![0]!, write('b').metadata.managedFields![0]!];
  assert.equal(a.fieldsV1, b.fieldsV1);
  const c = structuredClone(map({ x: '1', y: '2' }, [a]));
  const d = map({ x: '3', y: '2' }, structuredClone([a]));
  trackUpdate(configMap, c, d, by('alice'));
  assert.equal(
    (d.metadata.managedFields![0]!.fieldsV1 as Record<string, unknown>)['f:data'],
    (a.fieldsV1 as Record<string, unknown>)['f:data'],
  );
});
