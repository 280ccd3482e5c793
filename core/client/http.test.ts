import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatus, StatusError } from '../api/errors.ts';
import type { KubeObject } from '../api/objects.ts';
import type { WatchEvent } from './client.ts';
import { httpClient } from './http.ts';
import { linesOf } from './lines.ts';

interface Call {
  method: string;
  url: string;
  type: string | null;
  body: unknown;
}

const pods = { group: '', version: 'v1', plural: 'pods' };
const deployments = { group: 'apps', version: 'v1', plural: 'deployments' };
const pod = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } });

/** A client whose server gives these answers in turn, and what it was asked. */
function serving(...answers: (Response | object)[]) {
  const calls: Call[] = [];
  const client = httpClient({
    baseUrl: 'https://api/',
    userAgent: 'tester',
    headers: () => ({ authorization: 'Bearer token' }),
    async fetch(request) {
      assert.equal(request.headers.get('user-agent'), 'tester');
      assert.equal(request.headers.get('authorization'), 'Bearer token');
      const text = await request.text();
      const type = request.headers.get('content-type');
      calls.push({
        method: request.method,
        url: request.url.slice('https://api'.length),
        type,
        body: text && JSON.parse(text),
      });
      const answer = answers.shift();
      return answer instanceof Response ? answer : Response.json(answer ?? {});
    },
  });
  return { client, calls };
}

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

test('each call goes to the path that the Kubernetes API gives it', async () => {
  const { client, calls } = serving();
  await client.get(pods, { namespace: 'default', name: 'a' });
  await client.get({ group: '', version: 'v1', plural: 'nodes' }, { name: 'n/1' });
  await client.create(pods, pod('a'));
  await client.create(pods, pod('a'), { name: 'a', namespace: 'other', subresource: 'binding' });
  await client.update(deployments, { ...pod('d'), kind: 'Deployment' }, { subresource: 'status' });
  await client.patch(pods, { namespace: 'default', name: 'a' }, [{ op: 'test' }], {
    type: 'json',
    subresource: 'status',
  });
  await client.delete(pods, { namespace: 'default', name: 'a' });
  assert.deepEqual(
    calls.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /api/v1/namespaces/default/pods/a',
      'GET /api/v1/nodes/n%2F1',
      'POST /api/v1/namespaces/default/pods',
      'POST /api/v1/namespaces/other/pods/a/binding',
      'PUT /apis/apps/v1/namespaces/default/deployments/d/status',
      'PATCH /api/v1/namespaces/default/pods/a/status',
      'DELETE /api/v1/namespaces/default/pods/a',
    ],
  );
  assert.equal(calls[5]?.type, 'application/json-patch+json');
});

test('delete options become preconditions, grace period and propagation', async () => {
  const { client, calls } = serving();
  await client.delete(
    pods,
    { namespace: 'default', name: 'a' },
    { uid: 'u', gracePeriodSeconds: 0, propagationPolicy: 'Orphan' },
  );
  assert.deepEqual(calls[0]?.body, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: 'u' },
    gracePeriodSeconds: 0,
    propagationPolicy: 'Orphan',
  });
});

test('a list follows its pages, and its items know their kind again', async () => {
  const page = (names: string[], next?: string) => ({
    apiVersion: 'v1',
    kind: 'PodList',
    metadata: { resourceVersion: '7', ...(next ? { continue: next } : {}) },
    items: names.map((name) => ({ metadata: { name } })),
  });
  const { client, calls } = serving(page(['a', 'b'], 'more'), page(['c']));
  const list = await client.list(pods, { namespace: 'default', labelSelector: 'app=web' });
  assert.equal(list.resourceVersion, '7');
  assert.deepEqual(
    list.items.map((item) => [item.kind, item.apiVersion, item.metadata.name]),
    [
      ['Pod', 'v1', 'a'],
      ['Pod', 'v1', 'b'],
      ['Pod', 'v1', 'c'],
    ],
  );
  assert.deepEqual(
    calls.map(({ url }) => url),
    [
      '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb&limit=500',
      '/api/v1/namespaces/default/pods?labelSelector=app%3Dweb&limit=500&continue=more',
    ],
  );
});

test('an error answer is thrown as the StatusError that the server meant', async () => {
  const status = new StatusError('Conflict', 'no', { name: 'a', kind: 'pods' }).toStatus();
  const { client } = serving(Response.json(status, { status: 409, headers: { 'retry-after': '3' } }));
  await assert.rejects(client.get(pods, { namespace: 'default', name: 'a' }), (error) => {
    assert.ok(isStatus(error, 'Conflict'));
    assert.deepEqual(
      [error.code, error.message, error.details?.name, error.details?.retryAfterSeconds],
      [409, 'no', 'a', 3],
    );
    return true;
  });
});

test('an answer that is no Status still becomes one, by its code', async () => {
  const { client } = serving(new Response('upstream went away', { status: 503 }));
  await assert.rejects(
    client.get(pods, { name: 'a' }),
    (error) => isStatus(error, 'ServiceUnavailable') && error.message === 'upstream went away',
  );
});

const streamOf = (...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      controller.close();
    },
  });

test('a watch yields events and bookmarks however the stream is cut, and ends with it', async () => {
  const lines = [
    JSON.stringify({ type: 'ADDED', object: pod('ä') }),
    JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } }),
    JSON.stringify({ type: 'DELETED', object: pod('b') }),
  ].join('\n');
  const bytes = new TextEncoder().encode(lines);
  for (const size of [1, 7, 1_000]) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const { client, calls } = serving(new Response(streamOf(...chunks)));
    const events = await collect(client.watch(pods, '5', { namespace: 'default', fieldSelector: 'spec.nodeName=n' }));
    assert.deepEqual(events, [
      { type: 'ADDED', object: pod('ä') },
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'DELETED', object: pod('b') },
    ] satisfies WatchEvent[]);
    const query = new URL(calls[0]!.url, 'https://api').searchParams;
    assert.deepEqual(Object.fromEntries(query), {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      fieldSelector: 'spec.nodeName=n',
    });
  }
});

test('an ERROR event of a watch is thrown: 410 as Expired', async () => {
  const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
  const { client } = serving(new Response(streamOf(JSON.stringify({ type: 'ERROR', object: status }))));
  await assert.rejects(collect(client.watch(pods, '1')), (error) => isStatus(error, 'Expired'));
});

test('a watch whose signal aborts ends without an error', async () => {
  const abort = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => abort.signal.addEventListener('abort', () => controller.error(new Error('aborted'))),
  });
  const { client } = serving(new Response(body));
  const events = collect(client.watch(pods, '1', {}, abort.signal));
  setImmediate(() => abort.abort());
  assert.deepEqual(await events, []);
});

test('whoever stops reading lines lets go of the body', async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('line\n')),
    cancel: () => void (cancelled = true),
  });
  for await (const line of linesOf(body)) {
    assert.equal(line, 'line');
    break;
  }
  assert.equal(cancelled, true);
});
