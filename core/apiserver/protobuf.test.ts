// The protobuf form on the wire: what clients of Kubernetes' own libraries speak.
import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeProtobuf, encodeProtobuf } from '../api/protobuf.ts';
import { admin, configMap, pod, startApi } from './fixture/api.ts';

const type = 'application/vnd.kubernetes.protobuf';
const path = '/api/v1/namespaces/shop/pods';

async function exchange(
  api: ReturnType<typeof startApi>,
  method: string,
  target: string,
  object?: object,
  accept = type,
) {
  const body = object && (encodeProtobuf(object) as Uint8Array<ArrayBuffer>);
  const init = { method, headers: { accept, ...(body ? { 'content-type': type } : {}) }, ...(body ? { body } : {}) };
  const response = await api.server.fetch(new Request(`https://api.example${target}`, init), admin);
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

test('an object sent as protobuf is stored, and read back the same in both forms', async () => {
  const api = startApi();
  const { response, bytes } = await exchange(api, 'POST', path, { apiVersion: 'v1', kind: 'Pod', ...pod('web') });
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('content-type'), type);
  const made = decodeProtobuf(bytes).value;
  const { body } = await api.call('GET', `${path}/web`);
  assert.equal(made.metadata.uid, body.metadata.uid);
  assert.deepEqual(
    (made['spec'] as { containers: unknown }).containers,
    (body['spec'] as { containers: unknown }).containers,
  );
});

test('lists and errors come as protobuf too', async () => {
  const api = startApi();
  await api.call('POST', path, pod('web'));
  const list = decodeProtobuf((await exchange(api, 'GET', path)).bytes);
  assert.equal(list.kind, 'PodList');
  assert.equal((list.value['items'] as { metadata: { name: string } }[])[0]!.metadata.name, 'web');
  const missing = await exchange(api, 'GET', `${path}/none`);
  assert.equal(missing.response.status, 404);
  assert.equal(decodeProtobuf(missing.bytes).value['reason'], 'NotFound');
});

test('delete options are read from protobuf', async () => {
  const api = startApi();
  await api.call('POST', '/api/v1/namespaces/shop/configmaps', configMap('menu'));
  const options = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'another' } };
  const { response } = await exchange(api, 'DELETE', '/api/v1/namespaces/shop/configmaps/menu', options);
  assert.equal(response.status, 409);
});

test('what is no protobuf, or of another kind, is refused', async () => {
  const api = startApi();
  const { response } = await exchange(api, 'POST', path, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a' },
  });
  assert.equal(response.status, 400);
  const odd = await api.call('POST', path, 'k8s\u0000nonsense', { 'content-type': type });
  assert.equal(odd.status, 400);
});

test('a watch in protobuf sends frames with their length', async () => {
  const api = startApi();
  const response = await api.raw('GET', `${path}?watch=true&resourceVersion=1`, { accept: `${type};stream=watch` });
  assert.equal(response.headers.get('content-type'), `${type};stream=watch`);
  const reader = response.body!.getReader();
  await api.call('POST', path, pod('web'));
  const { value } = await reader.read();
  assert.equal(new DataView(value!.buffer, value!.byteOffset).getUint32(0), value!.length - 4);
  await reader.cancel();
});
