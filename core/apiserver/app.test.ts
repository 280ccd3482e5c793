import assert from 'node:assert/strict';
import test from 'node:test';
import { StatusError, unauthorized } from '../api/errors.ts';
import { MemoryStore } from '../store/memory.ts';
import { startApi } from './fixture/api.ts';

const configMaps = '/api/v1/namespaces/shop/configmaps';

test('discovery names every group, version and resource, also in the aggregated form with a tag', async () => {
  const { call } = startApi();
  const groups = (await call('GET', '/apis')).body as unknown as {
    groups: { name: string; preferredVersion: { version: string } }[];
  };
  const autoscaling = groups.groups.find(({ name }) => name === 'autoscaling');
  assert.equal(autoscaling?.preferredVersion.version, 'v2');
  const core = (await call('GET', '/api/v1')).body as unknown as {
    resources: { name: string; verbs: string[]; kind: string; group?: string }[];
  };
  const byName = new Map(core.resources.map((resource) => [resource.name, resource]));
  assert.deepEqual(byName.get('pods/log')?.verbs, ['get']);
  assert.equal(byName.get('pods/eviction')?.kind, 'Eviction');
  assert.equal(byName.get('replicationcontrollers/scale')?.group, 'autoscaling');
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const first = await call('GET', '/apis', undefined, { accept });
  assert.equal(first.body.kind, 'APIGroupDiscoveryList');
  assert.equal(
    first.headers.get('content-type'),
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  );
  const again = await call('GET', '/apis', undefined, { accept, 'if-none-match': first.headers.get('etag') ?? '' });
  assert.equal(again.status, 304);
});

test('what no path serves is 404, a method that a path does not take is 405', async () => {
  const { call } = startApi();
  assert.equal((await call('GET', '/nothing')).status, 404);
  assert.equal((await call('GET', '/apis/none.example.com/v1/things')).status, 404);
  assert.equal(
    (await call('GET', '/api/v1/namespaces/shop/things')).body.message,
    'the server could not find the requested resource',
  );
  assert.equal((await call('GET', `${configMaps}/menu/status`)).status, 404);
  assert.equal((await call('GET', '/api/v1/namespaces/shop/nodes')).status, 404);
  for (const [method, path] of [
    ['PUT', configMaps],
    ['POST', '/api/v1/configmaps'],
    ['POST', `${configMaps}/menu`],
    ['DELETE', '/version'],
  ]) {
    const { status } = await call(method!, path!, {});
    assert.ok(status === 405 || (path === '/version' && status === 404), `${method} ${path}: ${status}`);
  }
});

test('health is told whole, verbosely, and check by check', async () => {
  const { call } = startApi();
  assert.equal((await call('GET', '/readyz')).body as unknown, 'ok');
  assert.match((await call('GET', '/livez?verbose')).body as unknown as string, /\[\+\]etcd ok\nlivez check passed/);
  assert.equal((await call('GET', '/healthz/ping')).status, 200);
  assert.equal((await call('GET', '/healthz/none')).status, 404);
});

test('wrong credentials are 401, a refusal is 403 in the words of kube-apiserver', async () => {
  const wrong = startApi({
    authenticators: [
      async () => {
        throw unauthorized();
      },
    ],
  });
  assert.equal((await wrong.call('GET', configMaps)).status, 401);
  const refused = startApi({ authorizers: [async () => ({ allowed: false, reason: 'no rules' })] });
  const { status, body } = await refused.call('GET', `${configMaps}/menu`);
  assert.equal(status, 403);
  assert.equal(
    body.message,
    'configmaps "menu" is forbidden: User "tester" cannot get resource "configmaps" in API group "" in the namespace "shop": no rules',
  );
});

test('what nobody expected is a 500 without its insides, which go to the log', async () => {
  const admission = [
    {
      name: 'broken',
      mutate: async () => {
        throw new TypeError('the secret inside');
      },
    },
  ];
  const { call, logged } = startApi({ admission });
  const { status, body } = await call('POST', configMaps, { metadata: { name: 'a' } });
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /secret inside|\.ts/);
  const entry = logged.find(({ event }) => event === 'request.failed');
  assert.equal(entry?.fields?.['error'], 'the secret inside');
});

test('answers are pretty for people with curl and for those who ask', async () => {
  const { raw } = startApi();
  assert.match(await (await raw('GET', '/version', { 'user-agent': 'curl/8.0' })).text(), /\n {2}"gitVersion"/);
  assert.match(await (await raw('GET', '/version?pretty=true')).text(), /\n {2}"gitVersion"/);
  assert.doesNotMatch(
    await (await raw('GET', '/version?pretty=false', { 'user-agent': 'curl/8.0' })).text(),
    /\n {2}"/,
  );
});

test('requests are counted by verb, resource and code', async () => {
  const { call, raw } = startApi();
  await call('POST', configMaps, { metadata: { name: 'a' } });
  await call('GET', `${configMaps}/none`);
  const text = await (await raw('GET', '/metrics')).text();
  assert.match(
    text,
    /apiserver_request_total\{code="201",verb="POST",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="resource",component="apiserver"\} 1/,
  );
  assert.match(text, /slipway_store_changes_total\{resource="configmaps"\} 1/);
});

test('the OpenAPI documents name kinds and are not sent twice to those who have them', async () => {
  const { call } = startApi();
  const index = (await call('GET', '/openapi/v3')).body as unknown as {
    paths: Record<string, { serverRelativeURL: string }>;
  };
  assert.ok(index.paths['apis/apps/v1']);
  const first = await call('GET', index.paths['apis/apps/v1'].serverRelativeURL);
  assert.equal(first.status, 200);
  assert.match(JSON.stringify(first.body), /x-kubernetes-group-version-kind/);
  const again = await call('GET', '/openapi/v3/apis/apps/v1', undefined, {
    'if-none-match': first.headers.get('etag') ?? '',
  });
  assert.equal(again.status, 304);
  assert.equal((await call('GET', '/openapi/v3/apis/none/v1')).status, 404);
});

test('a review has no table: who takes nothing else is refused', async () => {
  const kept: string[] = [];
  const handler = {
    verbs: ['create'] as const,
    handle: async () => {
      kept.push('asked');
      return { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata: {} };
    },
  };
  const { call } = startApi({ handlers: new Map([['selfsubjectaccessreviews.authorization.k8s.io', handler]]) });
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  assert.equal((await call('POST', path, {}, { accept: table })).status, 406);
  assert.deepEqual(kept, []);
  assert.equal((await call('POST', path, {}, { accept: `${table},application/json` })).status, 201);
});

test('names that a caller makes up do not become counters', async () => {
  const { call, raw } = startApi({ authorizers: [async ({ path }) => ({ allowed: path === '/metrics', reason: '' })] });
  for (let i = 0; i < 20; i++) {
    await call('GET', `/api/v1/namespaces/shop/made-up-${i}`);
    await call('GET', `/api/v1/namespaces/shop/pods/web/made-up-${i}`);
    await call(`MADE${i}`, '/api/v1/namespaces/shop/pods/web');
    await call(`MADE${i}`, '/nothing');
  }
  const text = await (await raw('GET', '/metrics')).text();
  assert.match(text, /apiserver_request_total\{code="403",verb="other"/);
  assert.doesNotMatch(text, /made/i);
});

test('a store that is throttled or away is 429 or 503 with the time to wait, whatever is asked of it', async () => {
  for (const [reason, code] of [
    ['TooManyRequests', 429],
    ['ServiceUnavailable', 503],
  ] as const) {
    const store = new MemoryStore();
    const { call } = startApi({}, store);
    const away = async (): Promise<never> => {
      throw new StatusError(reason, 'the tables do not answer', { retryAfterSeconds: 1 });
    };
    Object.assign(store, { get: away, list: away, commit: away, changesSince: away, head: away });
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
    for (const [method, path, body] of [
      ['GET', configMaps],
      ['GET', `${configMaps}/a`],
      ['POST', configMaps, object],
      ['PUT', `${configMaps}/a`, object],
      ['PATCH', `${configMaps}/a`, []],
      ['DELETE', `${configMaps}/a`],
    ] as const) {
      const type = method === 'PATCH' ? { 'content-type': 'application/json-patch+json' } : {};
      const { status, headers } = await call(method, path, body, type as Record<string, string>);
      assert.deepEqual([method, status, headers.get('retry-after')], [method, code, '1']);
    }
  }
});
