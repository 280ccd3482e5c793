// The API's function as API Gateway calls it with response streaming: the whole server on a memory store.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { parameters } from '../../aws/names.ts';
import { StatusError } from '../../core/api/errors.ts';
import { prefix, type TestCluster, testCluster, tokenOf } from '../fixture/composed.ts';
import { type Asked, proxyEvent, responseStream } from '../fixture/gateway.ts';
import { type Composed, composeFresh } from '../host/compose.ts';
import type { ProxyEvent } from './request.ts';
import { streamingHandler } from './stream.ts';

let cluster: TestCluster;
before(async () => {
  cluster = await testCluster();
});

const minuteMs = 60_000;

interface Given {
  remainingMs?: number;
  compose?: () => Promise<Composed>;
}

/** Begins an invocation, and gives back its stream and its end. */
function send(event: ProxyEvent, { remainingMs = 15 * minuteMs, compose = async () => cluster.composed }: Given = {}) {
  const streamed = responseStream();
  const { clock } = cluster;
  const handler = streamingHandler({ compose, clock, log: () => undefined, runtime: streamed.runtime });
  const ended = handler(event, streamed.stream, { getRemainingTimeInMillis: () => remainingMs });
  return { ...streamed, ended };
}

const begin = (path: string, asked: Asked = {}, given?: Given) => send(proxyEvent(path, asked), given);

const admin = (): string => tokenOf(cluster, 'Admin', 'jane');

async function ask(path: string, asked: Asked = {}) {
  const { whole, ended, prelude } = begin(path, { token: admin(), ...asked });
  const bytes = await whole();
  await ended;
  const { statusCode, headers } = prelude()!;
  return {
    statusCode,
    headers,
    bytes,
    body: bytes.length > 0 && isJson(headers) ? JSON.parse(bytes.toString()) : bytes.toString(),
  };
}

const isJson = (headers: Record<string, string>): boolean =>
  /^application\/(json|jwk-set\+json)/.test(headers['content-type'] ?? '');

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, data = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const jsonBody = (body: string): Asked => ({ method: 'POST', body, headers: { 'content-type': 'application/json' } });

const settled = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('requests', () => {
  test('JSON: create, get, list, delete, with query values that come more than once', async () => {
    const created = await ask(configMaps, jsonBody(configMap('a', { k: 'ä' })));
    assert.deepEqual([created.statusCode, created.body.data.k], [201, 'ä']);
    assert.equal(created.headers['content-length'], undefined);
    const got = await ask(`${configMaps}/a`);
    assert.equal(got.body.metadata.uid, created.body.metadata.uid);
    const listed = await ask(configMaps, { query: { limit: '1', fieldSelector: 'metadata.name=a' } });
    assert.deepEqual([listed.body.kind, listed.body.items.length], ['ConfigMapList', 1]);
    const dry = await ask(`${configMaps}/a`, { method: 'DELETE', query: { dryRun: ['All', 'All'] } });
    assert.equal(dry.statusCode, 200);
    assert.equal((await ask(`${configMaps}/a`, { method: 'DELETE' })).statusCode, 200);
    assert.equal((await ask(`${configMaps}/a`)).statusCode, 404);
  });

  test('protobuf both ways, byte for byte', async () => {
    await ask(configMaps, jsonBody(configMap('binary', { k: 'v' })));
    const type = 'application/vnd.kubernetes.protobuf';
    const { bytes, headers } = await ask(`${configMaps}/binary`, { headers: { accept: type } });
    assert.equal(headers['content-type'], type);
    assert.equal(bytes.subarray(0, 4).toString('latin1'), 'k8s\0');
    const put = await ask(`${configMaps}/binary`, { method: 'PUT', body: bytes, headers: { 'content-type': type } });
    assert.deepEqual([put.statusCode, put.body.message, put.body.data], [200, undefined, { k: 'v' }]);
    const unchanged = await ask(`${configMaps}/binary`, { headers: { accept: type } });
    assert.deepEqual(unchanged.bytes, bytes);
  });

  test('a table', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { body } = await ask('/api/v1/namespaces', { headers: { accept } });
    assert.equal(body.kind, 'Table');
    assert.ok(body.rows.some((row: { cells: string[] }) => row.cells[0] === 'kube-system'));
  });

  test('an answer without a body has a head', async () => {
    const first = await ask('/openapi/v3/api/v1');
    const { statusCode, bytes } = await ask('/openapi/v3/api/v1', {
      headers: { 'if-none-match': first.headers['etag']! },
    });
    assert.deepEqual([statusCode, bytes.length], [304, 0]);
  });

  test('the issuer is the URL of the API, for everybody', async () => {
    const document = await ask('/.well-known/openid-configuration', { token: '' });
    assert.equal(document.body.issuer, 'https://abc.execute-api.eu-west-1.amazonaws.com/prod');
    assert.equal(document.body.jwks_uri, `${document.body.issuer}/openid/v1/jwks`);
    assert.equal((await ask('/openid/v1/jwks', { token: '' })).body.keys.length, 1);
  });
});

describe('paths', () => {
  test('keep their percent-encoding', async () => {
    const { body } = await ask(`${configMaps}/a%2Fb%25`);
    assert.match(body.message, /"a\/b%" not found/);
  });

  test('lose the base path of a domain name of their own', async () => {
    const event = {
      ...proxyEvent('/clusters/shop/api/v1/namespaces/default%20x', { token: admin() }),
      pathParameters: { proxy: 'api/v1/namespaces/default x' },
    };
    const { whole } = send(event);
    assert.match((await whole()).toString(), /namespaces \\"default x\\" not found/);
  });

  test('that nobody can read are bad requests', async () => {
    const { whole, prelude } = send({ ...proxyEvent('/x', {}), path: '/api/v1/pods/%zz' });
    await whole();
    assert.equal(prelude()?.statusCode, 400);
  });

  test('with a method, or a header, that HTTP does not have are bad requests', async () => {
    assert.equal((await ask('/version', { method: 'CONNECT' })).statusCode, 400);
    assert.equal((await ask('/version', { headers: { 'x-bad': 'a\nb' } })).statusCode, 400);
  });
});

describe('who calls', () => {
  test('nobody may do nothing, a wrong token is 401, a worker is its node', async () => {
    assert.equal((await ask(configMaps, { token: '' })).statusCode, 403);
    assert.equal((await ask(configMaps, { token: 'k8s-aws-v1.abcd' })).statusCode, 401);
    const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const token = tokenOf(cluster, 'Workers', 'i-0123456789abcdef0');
    const { body } = await ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', { ...jsonBody(review), token });
    assert.equal(body.status.userInfo.username, 'system:node:i-0123456789abcdef0');
    assert.deepEqual(body.status.userInfo.groups, ['system:nodes', 'system:authenticated']);
  });

  test('a header does not make anybody the bearer of a certificate', async () => {
    const headers = { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters', 'x-client-cert': 'x' };
    assert.equal((await ask(configMaps, { token: '', headers })).statusCode, 403);
  });
});

describe('what a function cannot do', () => {
  test('exec, attach, port-forward and upgrades name the way that they go, to those who may', async () => {
    const pod = { metadata: { name: 'web' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n1' } };
    await cluster.store.commit({
      op: 'put',
      resource: 'nodes',
      key: { namespace: '', name: 'n1' },
      object: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
      expected: 'absent',
    });
    await cluster.store.commit({
      op: 'put',
      resource: 'serviceaccounts',
      key: { namespace: 'default', name: 'default' },
      object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: 'default', name: 'default' } },
      expected: 'absent',
    });
    const created = await ask('/api/v1/namespaces/default/pods', jsonBody(JSON.stringify(pod)));
    assert.equal(created.statusCode, 201, created.body.message);
    const web = '/api/v1/namespaces/default/pods/web';
    const query = { command: 'sh', stdout: 'true' };
    for (const [path, asked] of [
      [`${web}/exec`, { method: 'POST', query }],
      [`${web}/exec`, { query }],
      [`${web}/attach`, { method: 'POST', query }],
      [`${web}/portforward`, { method: 'POST' }],
      [`${web}/proxy/`, { headers: { upgrade: 'websocket' } }],
    ] as const) {
      const { statusCode, body } = await ask(path, asked);
      assert.deepEqual([statusCode, body.reason], [501, 'NotImplemented'], path);
      assert.match(body.message, /slipway proxy/);
      assert.equal((await ask(path, { ...asked, token: '' })).statusCode, 403, path);
    }
    assert.equal((await ask('/api/v1/namespaces/default/pods/none/exec', { method: 'POST', query })).statusCode, 404);
  });

  test('a cluster that was never set up says which parameter is missing', async () => {
    const { ssm, options } = cluster;
    const name = `${prefix}/${parameters.authority}`;
    const kept = ssm.values.get(name)!;
    ssm.values.delete(name);
    const { whole, prelude } = begin('/version', {}, { compose: () => composeFresh(options) });
    assert.match((await whole()).toString(), /SSM parameter \/slipway\/shop\/keys\/authority is missing/);
    assert.equal(prelude()?.statusCode, 503);
    ssm.values.set(name, kept);
  });

  test('what fails unexpectedly is told to the log, not to the client', async () => {
    const compose = async (): Promise<never> => {
      throw new Error('a secret reason');
    };
    const { whole, prelude } = begin('/version', {}, { compose });
    assert.doesNotMatch((await whole()).toString(), /secret/);
    assert.equal(prelude()?.statusCode, 500);
    const away = async (): Promise<never> => {
      throw new StatusError('ServiceUnavailable', 'STS is away');
    };
    const second = begin('/version', {}, { compose: away });
    assert.match((await second.whole()).toString(), /STS is away/);
  });
});

describe('watches', () => {
  const watch = async (query: Record<string, string> = {}, remainingMs = 15 * minuteMs) => {
    const from = (await ask(configMaps)).body.metadata.resourceVersion;
    const asked = { query: { watch: 'true', resourceVersion: from, ...query }, token: admin() };
    const begun = begin(configMaps, asked, { remainingMs });
    await settled();
    return begun;
  };
  const openWatches = async (): Promise<string> =>
    /apiserver_longrunning_requests\{[^}]*configmaps[^}]*\} (\d+)/.exec((await ask('/metrics')).body)?.[1] ?? '0';

  test('the head comes at once, events as they happen, and the end in time with a bookmark', async () => {
    const { more, prelude, ended } = await watch({ allowWatchBookmarks: 'true' }, 5 * minuteMs);
    assert.equal(prelude()?.statusCode, 200);
    await ask(configMaps, jsonBody(configMap('seen')));
    assert.match((await more()) ?? '', /"ADDED".*"seen"/);
    cluster.clock.pass(5 * minuteMs - 3_001);
    await settled();
    cluster.clock.pass(1);
    assert.match((await more()) ?? '', /"BOOKMARK"/);
    let rest = '';
    for (let piece = await more(); piece !== undefined; piece = await more()) rest += piece;
    assert.match(`{"type":"BOOKMARK"}\n${rest}`, /^(\{"type":"BOOKMARK".*\n)+$/);
    await ended;
    assert.equal(await openWatches(), '0');
  });

  test('one that nothing happens in is kept open by white space, which no reader of JSON sees', async () => {
    const { more, stream, ended } = await watch();
    cluster.clock.pass(75_000);
    await settled();
    assert.equal(await more(), '\n');
    stream.destroy();
    await ended;
  });

  test('a client that goes away frees what its watch held', async () => {
    const { stream, ended } = await watch();
    assert.equal(await openWatches(), '1');
    stream.destroy();
    await ended;
    assert.equal(await openWatches(), '0');
  });

  test('a client that comes back with an expired revision is told 410, lists, and goes on', async () => {
    const { metadata } = (await ask(configMaps)).body;
    await ask(configMaps, jsonBody(configMap('missed')));
    // Longer than the log holds changes.
    cluster.clock.pass(20 * minuteMs);
    await ask(configMaps, jsonBody(configMap('newer')));
    const late = await watch({ resourceVersion: metadata.resourceVersion });
    const event = JSON.parse((await late.whole()).toString());
    assert.deepEqual([event.type, event.object.code, event.object.reason], ['ERROR', 410, 'Expired']);
    await late.ended;
    const names = (await ask(configMaps)).body.items.map((item: { metadata: { name: string } }) => item.metadata.name);
    assert.ok(names.includes('missed') && names.includes('newer'));
    const { more, stream, ended } = await watch();
    await ask(configMaps, jsonBody(configMap('next')));
    assert.match((await more()) ?? '', /"ADDED".*"next"/);
    stream.destroy();
    await ended;
  });

  test('a client may ask for less time than there is, and not for nonsense', async () => {
    const { ended, whole } = await watch({ timeoutSeconds: '7' });
    cluster.clock.pass(7_000);
    await whole();
    await ended;
    const { statusCode } = await ask(configMaps, { query: { watch: 'true', timeoutSeconds: 'soon' } });
    assert.equal(statusCode, 400);
  });
});
