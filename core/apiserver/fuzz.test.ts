// Random and mutated requests, from a seed: whatever comes, the answer is never a 5xx and nothing crashes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { kinds } from '../api/kinds/index.ts';
import { admin, configMap, deployment, pod, startApi } from './fixture/api.ts';
import { createWorld } from './fixture/world.ts';

const requests = 10_000;
/** Those answers say by their reason that something is not there, not that something broke. */
const allowed5xx = new Set([501, 503, 504]);

/** mulberry32: small, and the same on every machine. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

class Maker {
  readonly #random: () => number;
  constructor(seed: number) {
    this.#random = randomOf(seed);
  }
  chance(of: number): boolean {
    return this.#random() < of;
  }
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
  text(): string {
    const odd = [
      '',
      '0',
      '-1',
      'a',
      'A_b',
      '..',
      'a/b',
      '%',
      '%ff',
      '\u0000',
      '💥',
      'x'.repeat(300),
      'null',
      'true',
      '1e400',
      '=',
      ',',
      '!',
    ];
    return this.one(odd);
  }
  value(depth = 0): unknown {
    const kind = this.below(depth > 3 ? 6 : 8);
    if (kind === 0) return null;
    if (kind === 1) return this.chance(0.5);
    if (kind === 2) return this.one([0, -1, 1.5, 2 ** 53, -(2 ** 63), 1e308, 80]);
    if (kind < 6) return this.text();
    if (kind === 6) return Array.from({ length: this.below(4) }, () => this.value(depth + 1));
    return Object.fromEntries(
      Array.from({ length: this.below(4) }, () => [
        this.one(['name', 'spec', 'metadata', 'containers', 'a']),
        this.value(depth + 1),
      ]),
    );
  }
}

const names = ['web', 'menu', 'none', 'Bad_Name'];
const words = [
  'status',
  'scale',
  'binding',
  'eviction',
  'log',
  'exec',
  'finalize',
  'proxy',
  'resize',
  'ephemeralcontainers',
  'token',
  'nothing',
];
const methods = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'];
const parameters = [
  'watch',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'labelSelector',
  'fieldSelector',
  'dryRun',
  'fieldValidation',
  'fieldManager',
  'force',
  'propagationPolicy',
  'gracePeriodSeconds',
  'orphanDependents',
  'timeoutSeconds',
  'sendInitialEvents',
  'pretty',
  'tailLines',
  'container',
  'sinceTime',
  'command',
  'includeObject',
  'allowWatchBookmarks',
];
const contentTypes = [
  'application/json',
  'application/json',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/apply-patch+yaml',
  'text/plain',
  '',
];
const accepts = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/json;as=Table;v=v9;g=x',
  'text/html',
  ';;;',
  '',
];

/** Half of all requests are about kinds that the bodies fit. */
const usual = kinds.filter(({ plural }) =>
  ['pods', 'configmaps', 'deployments', 'services', 'namespaces'].includes(plural),
);

function pathOf(make: Maker, method: string): string {
  if (make.chance(0.05))
    return `/${encodeURIComponent(make.text())}/${make.one(['', 'v1', 'apis', make.text().replaceAll('\u0000', '')])}`;
  const kind = make.one(make.chance(0.5) ? usual : kinds);
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  const namespace = (kind.namespaced ? !make.chance(0.1) : make.chance(0.1))
    ? `/namespaces/${make.one(['shop', 'shop', 'none'])}`
    : '';
  const named = method === 'POST' ? 0.15 : method === 'GET' ? 0.6 : 0.9;
  const name = make.chance(named) ? `/${encodeURIComponent(make.chance(0.1) ? make.text() : make.one(names))}` : '';
  const sub = name && make.chance(method === 'POST' ? 0.8 : 0.2) ? `/${make.one(words)}` : '';
  const query = Array.from({ length: make.below(4) }, () => {
    const value = make.chance(0.4)
      ? make.one(['true', '1', 'All', 'Strict', 'Exact', 'NotOlderThan', 'metadata.name=web', 'a in (b)', '2'])
      : make.text();
    return `${make.one(parameters)}=${encodeURIComponent(value)}`;
  });
  const watch = make.chance(method === 'GET' ? 0.05 : 0.01) ? '/watch' : '';
  return `${root}${watch}${namespace}/${kind.plural}${name}${sub}${query.length > 0 ? `?${query.join('&')}` : ''}`;
}

/** An honest object with some of its values replaced, dropped or added. */
function mutated(make: Maker, value: unknown): unknown {
  if (make.chance(0.04)) return make.value();
  if (Array.isArray(value)) return value.flatMap((item) => (make.chance(0.05) ? [] : [mutated(make, item)]));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, inner]) =>
    make.chance(0.03) ? [] : [[key, mutated(make, inner)] as const],
  );
  if (make.chance(0.03))
    entries.push([make.one(['status', 'spec', 'foo', 'kind', 'apiVersion', 'metadata']), make.value()]);
  return Object.fromEntries(entries);
}

function bodyOf(make: Maker): string {
  const name = make.one(names);
  const honest: unknown = make.one<unknown>([
    configMap(name, { a: 'b' }),
    pod(name),
    deployment(name),
    {
      metadata: { name },
      spec: { ports: [{ port: 80 }], type: make.one(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']) },
    },
    { metadata: { name }, spec: { replicas: 2 } },
    { metadata: { name }, target: { kind: 'Node', name: 'n1' } },
    { metadata: { finalizers: ['example.com/a'], labels: { a: 'b' } } },
    [
      {
        op: make.one(['add', 'replace', 'remove', 'test', 'move', 'copy', 'odd']),
        path: make.one(['/metadata/labels/a', '/spec', '', '/', '/a/b/0', 'x']),
        value: make.value(),
      },
    ],
    { gracePeriodSeconds: make.value(), preconditions: make.value() },
    make.value(),
  ]);
  const text = JSON.stringify(mutated(make, honest)) ?? '';
  if (!make.chance(0.1)) return text;
  const at = make.below(text.length + 1);
  return text.slice(0, at) + make.one(['', '{', ']', '"', '\\', '\u0001', '0', ',,']) + text.slice(at + make.below(3));
}

/** What waits for the clock is not waited for: time passes until there is an answer. */
async function settled<T>(promise: Promise<T>, pass: () => void): Promise<T> {
  let done = false;
  const mark = (): void => {
    done = true;
  };
  promise.then(mark, mark);
  await new Promise(setImmediate);
  while (!done) {
    pass();
    await new Promise(setImmediate);
  }
  return await promise;
}

test(`${requests} random and mutated requests get no 5xx and do not crash the server`, async () => {
  const make = new Maker(20_261_123);
  // With all that decides about access in front, asked by one who may do everything.
  const world = await createWorld();
  const { store, access } = world;
  const { server, logged, call, clock } = startApi(
    {
      ...access,
      authenticators: [async () => ({ username: 'tester', groups: ['system:masters'] })],
      nodes: { fetch: async () => new Response('busy', { status: 404 }) },
    },
    store,
  );
  await call('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
  await call('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
  const codes = new Map<number, number>();
  for (let i = 0; i < requests; i++) {
    const method = make.one(methods);
    const path = pathOf(make, method);
    const headers: Record<string, string> = { accept: make.chance(0.6) ? 'application/json' : make.one(accepts) };
    const hasBody = method !== 'GET' && method !== 'HEAD' && make.chance(0.95);
    const fitting = method === 'PATCH' ? contentTypes.slice(2, 5) : ['application/json'];
    const type = make.one(make.chance(0.8) ? fitting : contentTypes);
    if (hasBody && type) headers['content-type'] = type;
    const body = hasBody ? bodyOf(make) : undefined;
    const abort = new AbortController();
    const request = new Request(`https://api.example${path}`, {
      method,
      headers,
      signal: abort.signal,
      ...(body === undefined ? {} : { body }),
    });
    const response = await settled(server.fetch(request, admin), () => {
      clock.pass(1_000);
      world.pass(1_000);
    });
    codes.set(response.status, (codes.get(response.status) ?? 0) + 1);
    const { pathname, searchParams } = new URL(request.url);
    if (searchParams.has('watch') || pathname.includes('/watch/')) abort.abort();
    else await response.arrayBuffer();
    assert.ok(
      response.status < 500 || allowed5xx.has(response.status),
      `${i}: ${method} ${path} (${type}) ${body}: ${response.status} ${JSON.stringify(logged.at(-1))}`,
    );
  }
  // It reached the verbs and was not refused at the door alone.
  for (const code of [200, 201, 400, 404, 405, 409, 422])
    assert.ok((codes.get(code) ?? 0) > 2, `${code}: ${codes.get(code)}`);
});
