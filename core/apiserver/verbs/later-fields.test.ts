// A deployment that adds fields, while functions of the version before still run: what the newer ones stored is still there after
// the older ones have written. Here this version is the older one, and what it does not know was put into the store beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/objects.ts';
import { type Api, type Body, deployment, patchTypes, startApi } from '../fixture/api.ts';
import { createServer, namespace, node } from '../fixture/server.ts';
import { createWorld } from '../fixture/world.ts';

const path = '/apis/apps/v1/namespaces/shop/deployments';
const key = { namespace: 'shop', name: 'web' };
const later = { since: '1.37' };
const toleration = { key: 'spot', operator: 'Exists' };

interface Template {
  containers: Record<string, unknown>[];
  tolerations?: Record<string, unknown>[];
  [field: string]: unknown;
}
const templateOf = (object: KubeObject): Template => (object['spec'] as { template: { spec: Template } }).template.spec;

/** A deployment whose stored form has fields of a later version: of its own, of metadata, of a spec, and of items of lists. */
async function laterDeployment(api: Api): Promise<void> {
  const { body } = await api.call('POST', path, deployment('web', 2));
  const two = [...templateOf(body).containers, { ...templateOf(body).containers[0], name: 'side' }];
  const spec = { ...templateOf(body), containers: two, tolerations: [toleration, { ...toleration, key: 'gpu' }] };
  const wanted = { ...body, spec: { ...(body['spec'] as object), template: { ...templateAround(body), spec } } };
  assert.equal((await api.call('PUT', `${path}/web`, wanted)).status, 200);
  const stored = (await api.store.get('deployments.apps', key))!;
  const object = structuredClone(stored.object);
  Object.assign(object, { later });
  Object.assign(object.metadata, { later });
  Object.assign(templateOf(object), { later });
  Object.assign(templateOf(object).containers[1]!, { later });
  Object.assign(templateOf(object).tolerations![1]!, { later });
  const put = { op: 'put', resource: 'deployments.apps', key, object, expected: stored.revision } as const;
  assert.ok((await api.store.commit(put)).ok);
}

const templateAround = (object: KubeObject): object => (object['spec'] as { template: object }).template;

const storedOf = async (api: Api): Promise<KubeObject> => (await api.store.get('deployments.apps', key))!.object;

async function assertKept(api: Api, but: readonly string[] = []): Promise<void> {
  const object = await storedOf(api);
  const { containers, tolerations = [], ...spec } = templateOf(object);
  const side = containers.find(({ name }) => name === 'side');
  const gpu = tolerations.find((one) => one['key'] === 'gpu');
  const places = { object, metadata: object.metadata, spec, side, gpu };
  for (const [place, value] of Object.entries(places))
    if (!but.includes(place)) assert.deepEqual((value as { later?: object } | undefined)?.later, later, place);
}

/** As a client of the older version has it: without what it does not know. */
const known = (object: Body): Body =>
  JSON.parse(JSON.stringify(object), (name, value) => (name === 'later' ? undefined : value));

test('a client reads what a later version stored, and its update keeps it', async () => {
  const api = startApi();
  await laterDeployment(api);
  const { body } = await api.call('GET', `${path}/web`);
  assert.deepEqual(templateOf(body)['later'], later);
  const wanted = known(body);
  const [first, side] = templateOf(wanted).containers;
  templateOf(wanted).containers = [side!, { ...first, image: 'web:2' }];
  templateOf(wanted).tolerations!.reverse();
  const { status } = await api.call('PUT', `${path}/web?fieldValidation=Strict`, wanted);
  assert.equal(status, 200);
  await assertKept(api);
  assert.deepEqual(
    templateOf(await storedOf(api)).containers.map(({ name, image }) => `${name} ${image}`),
    ['side example/app:1', 'main web:2'],
  );
});

test('patches of every kind, the scale and the status keep it, and strict validation looks at the patch alone', async () => {
  const api = startApi();
  await laterDeployment(api);
  const writes: [string, string, unknown, Record<string, string>?][] = [
    [
      'PATCH',
      '',
      { spec: { template: { spec: { containers: [{ name: 'main', image: 'web:2' }] } } } },
      patchTypes.strategic,
    ],
    ['PATCH', '', { metadata: { labels: { a: 'b' } } }, patchTypes.merge],
    ['PATCH', '', [{ op: 'replace', path: '/spec/replicas', value: 3 }], patchTypes.json],
    ['PATCH', '/scale', { spec: { replicas: 4 } }, patchTypes.merge],
    ['PATCH', '/status', { status: { replicas: 4 } }, patchTypes.merge],
  ];
  for (const [method, subresource, change, headers] of writes) {
    const { status, body } = await api.call(
      method,
      `${path}/web${subresource}?fieldValidation=Strict`,
      change,
      headers,
    );
    assert.equal(status, 200, body.message);
    await assertKept(api);
  }
  const strange = { spec: { template: { spec: { strange: 1 } } } };
  const refused = await api.call('PATCH', `${path}/web?fieldValidation=Strict`, strange, patchTypes.strategic);
  assert.match(refused.body.message, /strict decoding error: unknown field "spec.template.spec.strange"/);
});

test('a client that says it differently changes nothing, is told so, and what it takes away goes whole', async () => {
  const api = startApi();
  await laterDeployment(api);
  const { body } = await api.call('GET', `${path}/web`);
  const said = JSON.parse(JSON.stringify(body).replaceAll('1.37', '2.0')) as Body;
  templateOf(said).containers.pop();
  const { status, headers } = await api.call('PUT', `${path}/web`, said);
  assert.equal(status, 200);
  assert.match(headers.get('warning') ?? '', /unknown field/);
  await assertKept(api, ['side']);
  assert.deepEqual(
    templateOf(await storedOf(api)).containers.map(({ name }) => name),
    ['main'],
  );
});

test('the same again is no change: no new version, no new generation', async () => {
  const api = startApi();
  await laterDeployment(api);
  const before = (await api.call('GET', `${path}/web`)).body;
  const { body } = await api.call('PUT', `${path}/web`, known(before));
  assert.equal(body.metadata.resourceVersion, before.metadata.resourceVersion);
  assert.equal(body.metadata.generation, before.metadata.generation);
});

test('a new object has none of what this version does not know, and strict validation says so', async () => {
  const api = startApi();
  const wanted = { ...deployment('web', 1), later };
  const refused = await api.call('POST', `${path}?fieldValidation=Strict`, wanted);
  assert.equal(refused.status, 400);
  assert.equal((await api.call('POST', path, wanted)).status, 201);
  assert.equal((await storedOf(api))['later'], undefined);
});

test('a pod keeps it when it is bound, reported, updated and deleted', async () => {
  const world = await createWorld();
  const server = await createServer(world);
  await namespace(world, server, 'shop');
  await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } }, node('n1'));
  const pods = '/api/v1/namespaces/shop/pods';
  const spec = { containers: [{ name: 'c', image: 'i' }], automountServiceAccountToken: false };
  await server.call('POST', pods, { metadata: { name: 'web', finalizers: ['a.example/b'] }, spec });
  const stored = async (): Promise<KubeObject> => (await world.store.get('pods', key))!.object;
  const object = structuredClone(await stored());
  Object.assign(object['spec'] as object, { later });
  Object.assign(object['status'] as object, { later });
  await world.put('pods', object);

  const assertKeptBy = async (
    what: string,
    call: Promise<{ code: number; body: { message?: string } }>,
  ): Promise<void> => {
    const { code, body } = await call;
    assert.ok(code < 300, `${what}: ${body.message}`);
    const pod = (await stored()) as KubeObject & { spec: object; status: object };
    assert.deepEqual(
      [pod.spec, pod.status].map((part) => (part as { later?: object }).later),
      [later, later],
      what,
    );
  };
  const target = { metadata: { name: 'web' }, target: { kind: 'Node', name: 'n1' } };
  await assertKeptBy('binding', server.call('POST', `${pods}/web/binding`, target));
  const { uid } = (await stored()).metadata;
  const report = {
    namespace: 'shop',
    name: 'web',
    uid,
    status: { phase: 'Running', startTime: '2026-01-02T03:04:05Z' },
  };
  const request = { leaseDurationSeconds: 40, podStatuses: [report], podsGone: [] };
  await assertKeptBy('report', server.call('POST', '/api/v1/nodes/n1/sync', request, node('n1')));
  assert.equal(((await stored())['status'] as { phase: string }).phase, 'Running');
  const { body } = await server.call('GET', `${pods}/web`);
  // A pod's spec hardly changes: what is not known must not look like a change either.
  const wanted = known({ ...body, metadata: { ...body.metadata, labels: { a: 'b' } } } as unknown as Body);
  await assertKeptBy('update', server.call('PUT', `${pods}/web`, wanted));
  await assertKeptBy('deletion', server.call('DELETE', `${pods}/web`));
  assert.ok((await stored()).metadata.deletionTimestamp);
});
