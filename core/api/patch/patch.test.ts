// The three kinds of patch: strategic against results recorded from Kubernetes' own strategicpatch package, all against oracles.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { StatusError } from '../errors.ts';
import { applyJsonPatch } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicMergePatch } from './strategic.ts';

interface Recorded {
  /** Schema, original, patch, result, error. */
  s: string;
  o: Record<string, unknown>;
  p: Record<string, unknown>;
  r?: unknown;
  e?: string;
}

const recorded = readFileSync(new URL('../../../test/golden/patch/strategic.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);
const pod = 'io.k8s.api.core.v1.Pod';
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('strategic merge patches give what Kubernetes gives, and change neither argument', () => {
  for (const { s: schema, o: original, p: patch, r: result, e: message } of recorded) {
    // Errors to the reference (the second only in some orders of its maps), without effect here: an empty list that is to be
    // ordered, and primitive values that are to be deleted from a list of objects.
    if (message === 'no elements in any of the given slices' || message?.endsWith(' [a b]]')) continue;
    const before = JSON.stringify([original, patch]);
    if (message) assert.throws(() => applyStrategicMergePatch(schema, original, patch), StatusError, before);
    else assert.deepEqual(plain(applyStrategicMergePatch(schema, original, patch)), result, before);
    assert.equal(JSON.stringify([original, patch]), before);
  }
});

const twoContainers = {
  spec: {
    containers: [
      { name: 'a', image: 'a:1', args: ['x'] },
      { name: 'b', image: 'b:1' },
    ],
    tolerations: [{ key: 'old' }],
  },
};
const patchSpec = (spec: unknown): unknown =>
  (applyStrategicMergePatch(pod, twoContainers, { spec }) as { spec: unknown }).spec;

test('a container is found by its name; a list without a key is replaced', () => {
  assert.deepEqual(patchSpec({ containers: [{ name: 'b', image: 'b:2' }], tolerations: [{ key: 'new' }] }), {
    containers: [
      { name: 'a', image: 'a:1', args: ['x'] },
      { name: 'b', image: 'b:2' },
    ],
    tolerations: [{ key: 'new' }],
  });
});

test('directives delete, replace and order', () => {
  assert.deepEqual(patchSpec({ containers: [{ name: 'a', $patch: 'delete' }], tolerations: null }), {
    containers: [{ name: 'b', image: 'b:1' }],
  });
  assert.deepEqual(patchSpec({ $patch: 'replace', hostPID: true }), { hostPID: true });
  assert.deepEqual(patchSpec({ containers: [{ $patch: 'replace' }, { name: 'c' }] }), {
    containers: [{ name: 'c' }],
    tolerations: [{ key: 'old' }],
  });
  const ordered = patchSpec({
    '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
    containers: [{ name: 'c', image: 'c:1' }],
  }) as { containers: { name: string }[] };
  assert.deepEqual(
    ordered.containers.map((container) => container.name),
    ['c', 'a', 'b'],
  );
});

test('finalizers merge as a set and are deleted one by one; retainKeys drops the other sources of a volume', () => {
  const target = { metadata: { finalizers: ['a', 'b'] }, spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
  assert.deepEqual(
    applyStrategicMergePatch(pod, target, {
      metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c', 'b'] },
      spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
    }),
    { metadata: { finalizers: ['c', 'b'] }, spec: { volumes: [{ name: 'v', hostPath: { path: '/' } }] } },
  );
});

test('a list element without its key is refused in the words of kube-apiserver', () => {
  assert.throws(() => patchSpec({ containers: [{ image: 'no/name:1' }] }), {
    code: 400,
    message: 'map: map[image:no/name:1] does not contain declared merge key: name',
  });
});

test('merge patch: the cases of RFC 7386', () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) assert.deepEqual(applyMergePatch(target, patch), result);
});

test('JSON patch: all operations apply in order, or none', () => {
  const target = { a: [1, 2], b: { 'c/d': 1 } };
  assert.deepEqual(
    applyJsonPatch(target, [
      { op: 'test', path: '/b/c~1d', value: 1 },
      { op: 'add', path: '/a/-', value: 3 },
      { op: 'remove', path: '/a/0' },
      { op: 'move', from: '/b', path: '/e' },
      { op: 'copy', from: '/e', path: '/f' },
      { op: 'replace', path: '/e', value: null },
    ]),
    { a: [2, 3], e: null, f: { 'c/d': 1 } },
  );
  assert.deepEqual(target, { a: [1, 2], b: { 'c/d': 1 } });
});

test('JSON patch: what does not apply is a 422, what is no patch a 400', () => {
  const refused: [unknown, number][] = [
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'replace', path: '/x', value: 1 }], 422],
    [[{ op: 'remove', path: '/x' }], 422],
    [[{ op: 'add', path: '/x/y', value: 1 }], 422],
    [[{ op: 'add', path: '/__proto__/x', value: 1 }], 422],
    [[{ op: 'frob', path: '/a' }], 422],
    [[{ op: 'add', path: '/b' }], 422],
    [{ op: 'add' }, 400],
    [['add'], 400],
  ];
  for (const [patch, code] of refused)
    assert.throws(() => applyJsonPatch({ a: 1 }, patch), { name: 'StatusError', code });
});

/** A small generator of its own, so that a failure can be repeated. */
function generator(seed: number) {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const keys = [
    'a',
    'b',
    'spec',
    'containers',
    'name',
    'metadata',
    '$patch',
    '$retainKeys',
    '$setElementOrder/containers',
    '__proto__',
  ];
  const value = (depth: number): unknown => {
    const kind = below(depth > 0 ? 7 : 4);
    if (kind < 4) return [null, 'delete', below(3), 'a'][kind];
    if (kind === 4) return Array.from({ length: below(3) }, () => value(depth - 1));
    return Object.fromEntries(Array.from({ length: below(4) }, () => [keys[below(keys.length)], value(depth - 1)]));
  };
  return { below, value };
}

test('a merge patch made from two values leads from one to the other', () => {
  const { value } = generator(3);
  const isObject = (v: unknown): v is Record<string, unknown> =>
    typeof v === 'object' && v !== null && !Array.isArray(v);
  const withoutNulls = (v: unknown): unknown =>
    isObject(v)
      ? Object.fromEntries(Object.entries(v).flatMap(([k, x]) => (x === null ? [] : [[k, withoutNulls(x)]])))
      : v;
  const difference = (from: unknown, to: unknown): unknown => {
    if (!isObject(from) || !isObject(to)) return to;
    const gone = Object.keys(from).filter((key) => !Object.hasOwn(to, key));
    return Object.fromEntries([
      ...gone.map((key) => [key, null]),
      ...Object.entries(to).map(([key, v]) => [key, Object.hasOwn(from, key) ? difference(from[key], v) : v]),
    ]);
  };
  for (let i = 0; i < 2000; i++) {
    const [from, to] = [withoutNulls(value(4)), withoutNulls(value(4))];
    assert.deepEqual(applyMergePatch(from, difference(from, to)), to);
  }
});

test('random patches apply or are refused, and nothing else happens', () => {
  const { value, below } = generator(9);
  const operations = ['add', 'remove', 'replace', 'move', 'copy', 'test', 'x', null];
  const paths = [
    '',
    '/',
    '/a',
    '/spec/containers/0',
    '/spec/containers/-',
    '/metadata/~0',
    'a',
    '/__proto__',
    '/constructor/prototype',
    null,
  ];
  const attempt = (apply: () => unknown, what: string): void => {
    try {
      JSON.stringify(apply());
    } catch (error) {
      assert.ok(error instanceof StatusError && error.code < 500, `${what}\n${(error as Error).stack}`);
    }
  };
  for (let i = 0; i < 3000; i++) {
    const { s: schema, o: original } = recorded[below(recorded.length)]!;
    const patch = value(5);
    attempt(() => applyStrategicMergePatch(schema, below(2) ? original : value(5), patch), JSON.stringify(patch));
    attempt(() => applyMergePatch(original, patch), JSON.stringify(patch));
    const steps = Array.from({ length: below(3) + 1 }, () => ({
      op: operations[below(operations.length)],
      path: paths[below(paths.length)],
      from: paths[below(paths.length)],
      value: value(2),
    }));
    attempt(() => applyJsonPatch(value(4), steps), JSON.stringify(steps));
  }
});

test('JSON patch: copies that would double the document again and again are refused', () => {
  const copies = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/c${i}` }));
  const small = { data: { a: 'x' } };
  assert.equal(JSON.stringify(applyJsonPatch(small, copies(10))).split('"a"').length - 1, 2 ** 10);
  assert.throws(() => applyJsonPatch(small, copies(40)), { reason: 'Invalid' });
});

test('JSON patch: a value moves with all that it holds, but not into itself', () => {
  const apply = (from: string, path: string) =>
    applyJsonPatch({ a: { b: [1, 2, 3] }, c: 4 }, [{ op: 'move', from, path }]);
  assert.deepEqual(apply('/a/b', '/c'), { a: {}, c: [1, 2, 3] });
  assert.deepEqual(apply('/a/b/0', '/a/b/2'), { a: { b: [2, 3, 1] }, c: 4 });
  assert.deepEqual(apply('/a', '/a'), { a: { b: [1, 2, 3] }, c: 4 });
  assert.deepEqual(apply('/a/b', ''), [1, 2, 3]);
  for (const [from, path] of [
    ['/a', '/a/x'],
    ['', '/a/x'],
    ['/none', '/c'],
  ] as const) {
    assert.throws(() => apply(from, path), { reason: 'Invalid' });
  }
});

test('long lists merge by their keys, in the order of the patch', () => {
  const count = 20_000;
  const env = (name: string, value: string) =>
    Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, value }));
  const pod = (list: unknown) => ({ spec: { containers: [{ name: 'main', env: list }] } });
  const patch = [...env('a', 'new').toReversed(), ...env('b', 'new')];
  const merged = applyStrategicMergePatch('io.k8s.api.core.v1.Pod', pod(env('a', 'old')), pod(patch));
  assert.deepEqual(merged, pod(patch));
});
