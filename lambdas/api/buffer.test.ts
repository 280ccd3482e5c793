// The API's function where nothing can be streamed.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { APIGatewayProxyResult } from 'aws-lambda';
import { type TestCluster, testCluster, tokenOf } from '../fixture/composed.ts';
import { type Asked, proxyEvent } from '../fixture/gateway.ts';
import type { Composed } from '../host/compose.ts';
import { bufferedHandler } from './buffer.ts';

let cluster: TestCluster;
before(async () => {
  cluster = await testCluster();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const context = { getRemainingTimeInMillis: () => 30_000 };

const handlerOf = (api?: Composed['api']) =>
  bufferedHandler({
    compose: async () => (api ? { ...cluster.composed, api } : cluster.composed),
    clock: cluster.clock,
    log: () => undefined,
  });

const ask = (path: string, asked: Asked = {}): Promise<APIGatewayProxyResult> =>
  handlerOf()(proxyEvent(path, { token: tokenOf(cluster, 'Admin', 'jane'), ...asked }), context);

const create = (name: string, data = {}): Promise<APIGatewayProxyResult> =>
  ask(configMaps, {
    method: 'POST',
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data }),
    headers: { 'content-type': 'application/json' },
  });

const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

const answering = (response: () => Response): Composed['api'] => ({
  ...cluster.composed.api,
  fetch: async () => response(),
});

test('text goes as text, everything else as base64', async () => {
  const text = await create('a', { k: 'ä' });
  assert.deepEqual([text.statusCode, text.isBase64Encoded], [201, false]);
  assert.equal(JSON.parse(text.body).data.k, 'ä');
  const binary = await ask(`${configMaps}/a`, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
  assert.equal(binary.isBase64Encoded, true);
  assert.equal(Buffer.from(binary.body, 'base64').subarray(0, 4).toString('latin1'), 'k8s\0');
  const broken = handlerOf(
    answering(() => new Response(new Uint8Array([0xff, 0x00]), { headers: { 'content-type': 'text/plain' } })),
  );
  const result = await broken(proxyEvent('/x'), context);
  assert.deepEqual([result.isBase64Encoded, result.body], [true, '/wA=']);
});

test('a watch is answered after a few seconds with what came', async () => {
  const from = JSON.parse((await ask(configMaps)).body).metadata.resourceVersion;
  const query = { watch: 'true', resourceVersion: from, allowWatchBookmarks: 'true', timeoutSeconds: '600' };
  const answer = ask(configMaps, { query });
  await settled();
  await create('b');
  cluster.clock.pass(3_000);
  const lines = (await answer).body.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).type),
    ['ADDED', 'BOOKMARK'],
  );
});

test('what is too large is compressed for those who take that, and otherwise refused with a way out', async () => {
  const large = 'x"y'.repeat(3_000_000);
  const handler = handlerOf(answering(() => new Response(large, { headers: { 'content-type': 'application/json' } })));
  const packed = await handler(proxyEvent('/x', { headers: { 'accept-encoding': 'deflate, gzip' } }), context);
  assert.deepEqual([packed.statusCode, packed.headers?.['content-encoding']], [200, 'gzip']);
  assert.equal(gunzipSync(Buffer.from(packed.body, 'base64')).toString(), large);
  for (const encoding of ['identity', 'gzip;q=0', 'br']) {
    const refused = await handler(proxyEvent('/x', { headers: { 'accept-encoding': encoding } }), context);
    assert.equal(refused.statusCode, 413);
    assert.match(JSON.parse(refused.body).message, /limit/);
  }
});

test('what takes too long is a Status before the function ends, and holds nothing afterwards', async () => {
  let signal: AbortSignal | undefined;
  const api: Composed['api'] = {
    ...cluster.composed.api,
    fetch: (request) => {
      signal = request.signal;
      return new Promise(() => undefined);
    },
  };
  const answer = handlerOf(api)(proxyEvent('/x'), context);
  await settled();
  cluster.clock.pass(27_000);
  const { statusCode, body } = await answer;
  assert.deepEqual([statusCode, JSON.parse(body).reason], [504, 'Timeout']);
  assert.equal(signal?.aborted, true);
});

test('cookies of a proxied answer stay apart', async () => {
  const headers = new Headers({ 'content-type': 'text/plain', connection: 'keep-alive' });
  headers.append('set-cookie', 'a=1');
  headers.append('set-cookie', 'b=2');
  const result = await handlerOf(answering(() => new Response('x', { headers })))(proxyEvent('/x'), context);
  assert.deepEqual(result.multiValueHeaders, { 'set-cookie': ['a=1', 'b=2'] });
  assert.deepEqual(result.headers, { 'content-type': 'text/plain' });
});
