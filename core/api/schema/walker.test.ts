// Bodies of every kind, whole and mutated, against what Go's decoder made of them (recorded from Kubernetes 0.36.3's types).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { parseJson } from '../strict-json.ts';
import { schemaNames } from './plan.ts';
import { emptyAsNull } from './stored.ts';
import { applyDefaults, DecodeError, decode, enumErrors, prune, type Schema, typeErrors } from './walker.ts';

interface Recorded {
  /** Schema, input, output, error, strict errors. */
  s: string;
  i: string;
  o?: string;
  e?: string;
  x?: string[];
}

const golden = new URL('../../../test/golden/decode/decode.jsonl', import.meta.url);
const recorded = readFileSync(golden, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);
const pod = 'io.k8s.api.core.v1.Pod';

test('bodies are read, refused and written again as Go does', () => {
  for (const { s: schema, i: input, o: output, e: message, x: strict } of recorded) {
    const body = parseJson(input);
    if (message) {
      assert.throws(() => decode(schema, body.value, body.repeated), { name: 'DecodeError', message }, input);
      continue;
    }
    const decoded = decode(schema, body.value, body.repeated);
    assert.equal(JSON.stringify(decoded.value), JSON.stringify(JSON.parse(output!)), input);
    assert.deepEqual(decoded.strictErrors, strict ?? [], input);
  }
});

test('what was decoded once does not change when it is decoded again', () => {
  for (const { s: schema, o: output } of recorded) {
    if (!output) continue;
    const once = decode(schema, JSON.parse(output));
    assert.deepEqual(once.strictErrors, []);
    assert.equal(JSON.stringify(decode(schema, once.value).value), JSON.stringify(once.value));
  }
});

test('every schema has a plan and reads an empty object', () => {
  for (const name of schemaNames()) {
    try {
      decode(name, {});
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${name}: ${(error as Error).stack}`);
    }
  }
});

test('the message names the Go type and the whole path', () => {
  assert.equal(
    typeErrors(pod, { spec: { containers: 'web' } }),
    'json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container',
  );
  assert.equal(
    typeErrors(pod, { spec: { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gx' } }] } }),
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
  assert.equal(typeErrors(pod, { spec: {} }), undefined);
});

test('unknown and repeated fields are named with their paths', () => {
  const { value, repeated } = parseJson(
    '{"spec":{"containers":[{"name":"a","nam":1}],"hostPID":true,"hostPID":false},"specc":{}}',
  );
  assert.deepEqual(decode(pod, value, repeated).strictErrors, [
    'unknown field "spec.containers[0].nam"',
    'duplicate field "spec.hostPID"',
    'unknown field "specc"',
  ]);
});

test('only defaults that are not zero values are filled in, however deep', () => {
  const service = decode('io.k8s.api.core.v1.Service', { spec: { ports: [{ port: 80 }] } }).value as Record<
    string,
    unknown
  >;
  applyDefaults('io.k8s.api.core.v1.Service', service);
  assert.deepEqual((service['spec'] as { ports: unknown[] }).ports, [{ port: 80, protocol: 'TCP' }]);
});

test('an empty list that is always written comes back from storage as null', () => {
  const slice = { addressType: 'IPv4', endpoints: [], ports: [] };
  emptyAsNull('io.k8s.api.discovery.v1.EndpointSlice', slice);
  assert.deepEqual(slice, { addressType: 'IPv4', endpoints: null, ports: null });
  const role = { rules: [{ verbs: [], resources: [] }] };
  emptyAsNull('io.k8s.api.rbac.v1.Role', role);
  assert.deepEqual(role, { rules: [{ verbs: null, resources: [] }] });
});

test('a value outside its enum is reported with the values there are', () => {
  const [found, ...others] = enumErrors(pod, {
    spec: { containers: [{ imagePullPolicy: 'Often' }], restartPolicy: '' },
  });
  assert.deepEqual(found, {
    reason: 'FieldValueNotSupported',
    field: 'spec.containers[0].imagePullPolicy',
    message: 'Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
  });
  assert.deepEqual(others, []);
});

test('a custom resource is read by its own schema: unknown fields go unless they are to be kept', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer' },
          empty: { type: 'string' },
          port: { 'x-kubernetes-int-or-string': true },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          template: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
        },
      },
    },
  };
  const given = {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 'a', labels: { x: 'y' }, wrong: 1 },
    spec: { size: 0, empty: '', port: '80%', free: { any: [1] }, extra: 1, template: { kind: 'X', more: { a: null } } },
  };
  const { value, strictErrors } = decode(schema, given);
  assert.deepEqual(value, {
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { name: 'a', labels: { x: 'y' } },
    spec: { size: 0, empty: '', port: '80%', free: { any: [1] }, template: { kind: 'X', more: { a: null } } },
  });
  assert.deepEqual(strictErrors, ['unknown field "metadata.wrong"', 'unknown field "spec.extra"']);
  assert.throws(() => prune(schema, { spec: { size: 'big' } }), DecodeError);
});

/** A small generator of its own, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test('mutated bodies are read or refused, and nothing else happens', () => {
  const next = random(36);
  const names = schemaNames();
  const values = [
    null,
    '',
    'x',
    0,
    1.5,
    -1,
    1e300,
    true,
    [],
    {},
    [null],
    { __proto__: null, a: 1 },
    JSON.parse('{"__proto__":{"a":1}}'),
  ];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const mutate = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || next() < 0.1) return structuredClone(pick(values));
    const keys = Object.keys(value);
    if (keys.length === 0) return { [pick(['spec', 'metadata', 'items', 'constructor', 'toString'])]: pick(values) };
    const key = pick(keys);
    return Object.assign(Array.isArray(value) ? [...value] : { ...value }, {
      [key]: mutate((value as Record<string, unknown>)[key]),
    });
  };
  for (let i = 0; i < 5000; i++) {
    const { s, i: input } = pick(recorded);
    const schema = next() < 0.8 ? s : pick(names);
    let value: unknown = JSON.parse(JSON.stringify(parseJson(input).value));
    for (let n = 0; n < 3; n++) value = mutate(value);
    try {
      const decoded = decode(schema, value).value;
      enumErrors(schema, decoded);
      applyDefaults(schema, decoded);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${schema} ${JSON.stringify(value)}\n${(error as Error).stack}`);
    }
  }
});
