import assert from 'node:assert/strict';
import test from 'node:test';
import { admin, deployment, patchTypes, pod, startApi } from '../fixture/api.ts';

const pods = '/api/v1/namespaces/shop/pods';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';
const bindingTo = (pod: string, node: string) => ({ metadata: { name: pod }, target: { kind: 'Node', name: node } });

/** A server with one node, `n1`, that notes what it is asked. */
async function withNode(answer: (path: string) => Response) {
  const asked: string[] = [];
  const nodes = {
    fetch: async (_node: unknown, path: string) => {
      asked.push(path);
      return answer(path);
    },
  };
  const api = startApi({ nodes });
  await api.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  return { ...api, asked };
}

test('a scale shows the replicas and the selector, and writes the replicas', async () => {
  const { call } = startApi();
  await call('POST', deployments, deployment('web', 2));
  const { body } = await call('GET', `${deployments}/web/scale`);
  assert.equal(body.kind, 'Scale');
  assert.deepEqual(body['spec'], { replicas: 2 });
  assert.deepEqual(body['status'], { replicas: 0, selector: 'app=web' });
  const put = await call('PUT', `${deployments}/web/scale`, { ...body, spec: { replicas: 5 } });
  assert.equal(put.status, 200);
  const patched = await call('PATCH', `${deployments}/web/scale`, { spec: { replicas: 7 } }, patchTypes.merge);
  assert.deepEqual(patched.body['spec'], { replicas: 7 });
  const object = (await call('GET', `${deployments}/web`)).body;
  assert.equal((object['spec'] as { replicas: number }).replicas, 7);
  assert.equal(object.metadata.generation, 3);
  assert.equal((await call('PUT', `${deployments}/web/scale`, { ...body, spec: { replicas: 1 } })).status, 409);
  assert.equal(
    (await call('PATCH', `${deployments}/web/scale`, { spec: { replicas: -1 } }, patchTypes.merge)).status,
    422,
  );
});

test('a pod is bound once', async () => {
  const { call } = startApi();
  await call('POST', pods, pod('web'));
  const { status, body } = await call('POST', `${pods}/web/binding`, bindingTo('web', 'n1'));
  assert.equal(status, 201);
  assert.equal(body['status'], 'Success');
  const bound = (await call('GET', `${pods}/web`)).body;
  assert.equal((bound['spec'] as { nodeName: string }).nodeName, 'n1');
  const { conditions } = bound['status'] as { conditions: { type: string; status: string }[] };
  assert.deepEqual(
    conditions.map(({ type, status }) => [type, status]),
    [['PodScheduled', 'True']],
  );
  const again = await call('POST', '/api/v1/namespaces/shop/bindings', bindingTo('web', 'n2'));
  assert.equal(again.status, 409);
  assert.match(again.body.message, /already assigned to node "n1"/);
});

test('an eviction is refused while the budget has nothing to give, and granted after', async () => {
  const { call } = startApi();
  await call('POST', pods, pod('web'));
  await call('POST', `${pods}/web/binding`, bindingTo('web', 'n1'));
  const ready = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
  await call('PATCH', `${pods}/web/status`, ready, patchTypes.merge);
  const budgets = '/apis/policy/v1/namespaces/shop/poddisruptionbudgets';
  await call('POST', budgets, {
    metadata: { name: 'keep' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  const status = {
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
    observedGeneration: 1,
  };
  await call('PATCH', `${budgets}/keep/status`, { status }, patchTypes.merge);
  const eviction = { metadata: { name: 'web' } };
  const refused = await call('POST', `${pods}/web/eviction`, eviction);
  assert.equal(refused.status, 429);
  assert.equal(refused.body.reason, 'TooManyRequests');
  assert.equal(refused.body.details.causes[0]!.reason, 'DisruptionBudget');
  assert.match(refused.body.details.causes[0]!.message, /keep needs 1 healthy pods and has 1 currently/);
  await call('PATCH', `${budgets}/keep/status`, { status: { ...status, disruptionsAllowed: 1 } }, patchTypes.merge);
  assert.equal((await call('POST', `${pods}/web/eviction`, eviction)).status, 201);
  const evicted = (await call('GET', `${pods}/web`)).body;
  assert.notEqual(evicted.metadata.deletionTimestamp, undefined);
  const { conditions } = evicted['status'] as { conditions: { type: string; reason?: string }[] };
  assert.equal(conditions.find(({ type }) => type === 'DisruptionTarget')?.reason, 'EvictionByEvictionAPI');
  const { disruptionsAllowed, disruptedPods } = (await call('GET', `${budgets}/keep`)).body['status'] as {
    disruptionsAllowed: number;
    disruptedPods: object;
  };
  assert.equal(disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(disruptedPods), ['web']);
});

test('ephemeral containers are added to a pod by their own path only', async () => {
  const { call } = startApi();
  await call('POST', pods, pod('web'));
  const ephemeralContainers = [{ name: 'debug', image: 'example/debug:1' }];
  const { status, body } = await call(
    'PATCH',
    `${pods}/web/ephemeralcontainers`,
    { spec: { ephemeralContainers } },
    patchTypes.strategic,
  );
  assert.equal(status, 200);
  const spec = body['spec'] as { ephemeralContainers: { name: string }[] };
  assert.deepEqual(
    spec.ephemeralContainers.map(({ name }) => name),
    ['debug'],
  );
});

test('a resize in place is refused in words that say what to do', async () => {
  const { call } = startApi();
  await call('POST', pods, pod('web'));
  const { status, body } = await call('PATCH', `${pods}/web/resize`, { spec: {} }, patchTypes.strategic);
  assert.equal(status, 403);
  assert.match(body.message, /not supported by this cluster/);
});

test('logs come from the node, with the options that were asked for', async () => {
  const { call, asked } = await withNode(() => new Response('hello\n'));
  await call('POST', pods, pod('web'));
  assert.equal((await call('GET', `${pods}/web/log`)).body as unknown, '');
  await call('POST', `${pods}/web/binding`, bindingTo('web', 'n1'));
  const { status, body, headers } = await call('GET', `${pods}/web/log?tailLines=5&timestamps=true&follow=false`);
  assert.equal(status, 200);
  assert.equal(body as unknown, 'hello\n');
  assert.equal(headers.get('content-type'), 'text/plain');
  assert.deepEqual(asked, ['/containerLogs/shop/web/main?timestamps=true&tailLines=5']);
  assert.equal((await call('GET', `${pods}/web/log?container=none`)).status, 400);
  assert.equal((await call('GET', `${pods}/web/log?tailLines=-1`)).status, 422);
  assert.equal((await call('GET', `${pods}/web/log?tailLines=x`)).status, 400);
});

test('what a node cannot show becomes a 400 with its words', async () => {
  const { call } = await withNode(() => new Response('container "main" is waiting to start', { status: 400 }));
  await call('POST', pods, pod('web', { nodeName: 'n1' }));
  const { status, body } = await call('GET', `${pods}/web/log`);
  assert.equal(status, 400);
  assert.equal(body.message, 'container "main" is waiting to start');
});

test('exec, attach and port-forward become tunnels to the node, after the caller was allowed to create them', async () => {
  const api = await withNode(() => new Response(''));
  await api.call('POST', pods, pod('web', { nodeName: 'n1' }));
  const upgrade = (path: string) => api.server.upgrade(new Request(`https://api.example${path}`), admin);
  const exec = await upgrade(`${pods}/web/exec?command=ls&command=-l&stdin=true&stdout=true&tty=true`);
  assert.ok(!(exec instanceof Response));
  assert.equal(exec.path, '/exec/shop/web/main?input=1&output=1&tty=1&command=ls&command=-l');
  assert.equal(exec.node.metadata.name, 'n1');
  const forward = await upgrade(`${pods}/web/portforward`);
  assert.ok(!(forward instanceof Response));
  assert.equal(forward.path, '/portForward/shop/web');
  const missing = await upgrade(`${pods}/none/exec?command=ls`);
  assert.ok(missing instanceof Response);
  assert.equal(missing.status, 404);
  assert.equal((await api.call('POST', `${pods}/web/exec?command=ls`)).status, 400);
});

test('an exec that the caller may get but not create is forbidden', async () => {
  const authorizers = [async ({ verb }: { verb: string }) => ({ allowed: verb === 'get', reason: '' })];
  const { server } = startApi({ authorizers });
  const answer = await server.upgrade(new Request(`https://api.example${pods}/web/exec?command=ls`), admin);
  assert.ok(answer instanceof Response);
  assert.equal(answer.status, 403);
});

test('proxied requests go through the node of the pod', async () => {
  const { call, asked } = await withNode(() => new Response('page', { headers: { 'content-type': 'text/html' } }));
  await call('POST', pods, pod('web', { nodeName: 'n1' }));
  assert.equal((await call('GET', `${pods}/web:8080/proxy/a/b?c=d`)).body as unknown, 'page');
  assert.equal((await call('GET', '/api/v1/nodes/n1/proxy/stats')).status, 200);
  // Methods without a verb of their own go through as well; elsewhere they are refused.
  assert.equal((await call('OPTIONS', `${pods}/web:8080/proxy/a`)).status, 200);
  assert.equal((await call('OPTIONS', `${pods}/web`)).status, 405);
  assert.deepEqual(asked, ['/podProxy/shop/web/http/8080/a/b?c=d', '/stats', '/podProxy/shop/web/http/8080/a']);
});

test('what is read at the root of a proxy without its slash is sent to it; what changes something goes through', async () => {
  const { call, asked } = await withNode(() => new Response('page'));
  await call('POST', pods, pod('web', { nodeName: 'n1' }));
  for (const method of ['GET', 'HEAD']) {
    const { status, headers } = await call(method, `${pods}/web/proxy?a=b`);
    assert.deepEqual([status, headers.get('location')], [301, `${pods}/web/proxy/?a=b`]);
  }
  assert.equal((await call('POST', `${pods}/web/proxy?a=b`)).status, 200);
  assert.equal((await call('GET', `${pods}/web/proxy/?a=b`)).status, 200);
  assert.deepEqual(asked, ['/podProxy/shop/web/http/80/?a=b', '/podProxy/shop/web/http/80/?a=b']);
});
