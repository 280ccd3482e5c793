import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeSsm } from '../../aws/fixture/fake-ssm.ts';
import { environment } from '../../aws/names.ts';
import { isStatus } from '../../core/api/errors.ts';
import type { ConfigMap, EndpointSlice, Endpoints } from '../../core/api/types.gen.ts';
import { env, prefix, stackParameters, testCluster } from '../fixture/composed.ts';
import { composeFresh } from '../host/compose.ts';
import { onEvent } from './setup.ts';

const dayMs = 86_400_000;

async function setUp() {
  const cluster = await testCluster();
  const { clients, openStore, clock, ids, log } = cluster.options;
  const parts = { env, clients: clients!, openStore: openStore!, ports: { clock: clock!, ids: ids!, log: log! } };
  return { ...cluster, parts };
}

test('a deployment makes every key, as secrets, and the default objects', async () => {
  const { ssm, store, composed } = await setUp();
  assert.deepEqual([...ssm.values].map(([name, { Type }]) => `${name.slice(prefix.length + 1)} ${Type}`).sort(), [
    'agent-version undefined',
    'api-url undefined',
    'ca String',
    'keys/authority SecureString',
    'keys/encryption SecureString',
    'keys/node-client SecureString',
    'keys/service-account SecureString',
  ]);
  assert.equal(ssm.values.get(`${prefix}/ca`)?.Value, composed.cluster.keys.ca.certificate);
  assert.equal((await store.list('namespaces')).items.length, 4);
  const endpoints = await store.get('endpoints', { namespace: 'default', name: 'kubernetes' });
  const [subset] = (endpoints!.object as Endpoints).subsets ?? [];
  assert.deepEqual(subset?.addresses, [{ ip: '10.96.0.1' }]);
  assert.equal(subset?.ports?.[0]?.port, 6443);
  const slice = await store.get('endpointslices.discovery.k8s.io', { namespace: 'default', name: 'kubernetes' });
  assert.deepEqual((slice!.object as unknown as EndpointSlice).endpoints?.[0]?.addresses, ['10.96.0.1']);
  const info = await store.get('configmaps', { namespace: 'kube-public', name: 'cluster-info' });
  const { kubeconfig = '' } = (info!.object as ConfigMap).data ?? {};
  assert.match(kubeconfig, /server: https:\/\/abc\.execute-api\.eu-west-1\.amazonaws\.com\/prod$/m);
  assert.doesNotMatch(kubeconfig, /certificate-authority-data/);
});

test('a later deployment changes no key and writes no object', async () => {
  const { ssm, store, parts } = await setUp();
  const before = JSON.stringify([...ssm.values]);
  const heads = async () => Promise.all(['services', 'endpoints', 'configmaps'].map((name) => store.head(name)));
  const headsBefore = await heads();
  const answer = await onEvent({ RequestType: 'Update' }, parts);
  assert.equal(answer.PhysicalResourceId, prefix);
  assert.equal(JSON.stringify([...ssm.values]), before);
  assert.deepEqual(await heads(), headsBefore);
});

test('only the certificate towards agents is renewed, two months before its end', async () => {
  const { ssm, parts, clock } = await setUp();
  const value = (name: string) => ssm.values.get(`${prefix}/${name}`)?.Value;
  const names = ['keys/authority', 'keys/encryption', 'keys/service-account', 'ca', 'keys/node-client'];
  const before = names.map(value);
  clock.pass(300 * dayMs);
  await onEvent({ RequestType: 'Update' }, parts);
  assert.deepEqual(names.map(value), before);
  clock.pass(10 * dayMs);
  await onEvent({ RequestType: 'Update' }, parts);
  assert.deepEqual(names.slice(0, 4).map(value), before.slice(0, 4));
  assert.notEqual(value('keys/node-client'), before[4]);
});

test('parameters are encrypted with the key of the stack', async () => {
  const { parts } = await setUp();
  const ssm = fakeSsm(stackParameters);
  const kmsEnv = { ...env, [environment.kmsKey]: 'arn:aws:kms:eu-west-1:111122223333:key/x' };
  await onEvent({ RequestType: 'Create' }, { ...parts, clients: ssm.clients, env: kmsEnv });
  for (const [name, { KeyId, Type }] of ssm.values) {
    assert.equal(KeyId, Type === 'SecureString' ? kmsEnv[environment.kmsKey] : undefined, name);
  }
});

test('no parameter costs by the month, whatever the tier that the account has for those that name none', async () => {
  const { ssm } = await setUp();
  const made = [...ssm.values].filter(([name]) => !Object.hasOwn(stackParameters, name));
  assert.ok(made.length > 0);
  for (const [name, { Tier }] of made) assert.equal(Tier, 'Standard', name);
});

test('of two deployments at once the first key counts for both', async () => {
  const { parts } = await setUp();
  const ssm = fakeSsm(stackParameters);
  const create = () => onEvent({ RequestType: 'Create' }, { ...parts, clients: ssm.clients });
  await Promise.all([create(), create()]);
  const { cluster } = await composeFresh({ env, clients: ssm.clients, openStore: parts.openStore });
  assert.equal(ssm.values.get(`${prefix}/ca`)?.Value, cluster.keys.ca.certificate);
});

test('a deletion leaves the keys, unless it is told otherwise', async () => {
  const { ssm, parts } = await setUp();
  await onEvent({ RequestType: 'Delete', ResourceProperties: {} }, parts);
  assert.equal(ssm.values.size, 7);
  await onEvent({ RequestType: 'Delete', ResourceProperties: { DeleteKeys: 'true' } }, parts);
  assert.deepEqual([...ssm.values.keys()].sort(), Object.keys(stackParameters).sort());
});

test('one scheduler at a time is asked for; an account that allows none is no failure', async () => {
  const { parts, logged } = await setUp();
  const asked: object[] = [];
  const outcomes = [() => ({}), refuse('InvalidParameterValueException'), refuse('TooManyRequestsException')];
  for (const outcome of outcomes) {
    const send = async ({ input }: { input: object }): Promise<object> => {
      asked.push(input);
      return outcome();
    };
    const clients = { ...parts.clients, lambda: async () => ({ send }) } as unknown as typeof parts.clients;
    await onEvent(
      { RequestType: 'Update' },
      { ...parts, clients, env: { ...env, [environment.scheduler]: 'shop-scheduler' } },
    );
  }
  assert.deepEqual(asked, Array(3).fill({ FunctionName: 'shop-scheduler', ReservedConcurrentExecutions: 1 }));
  assert.equal(logged.filter(({ event }) => event === 'schedulers-not-limited').length, 2);
});

const refuse = (name: string) => (): never => {
  throw Object.assign(new Error('no'), { name });
};

test('a deployment without the parameters of the stack fails by name', async () => {
  const { parts } = await setUp();
  const ssm = fakeSsm();
  await assert.rejects(
    onEvent({ RequestType: 'Create' }, { ...parts, clients: ssm.clients }),
    (error) =>
      isStatus(error, 'ServiceUnavailable') && /parameter \/slipway\/shop\/api-url is missing/.test(error.message),
  );
});

test('secrets are stored encrypted', async () => {
  const { composed, store } = await setUp();
  const client = composed.clientOf('kube-controller-manager');
  await client.create(
    { group: '', version: 'v1', plural: 'secrets' },
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'default', name: 's' }, stringData: { a: 'hidden' } },
  );
  const stored = await store.get('secrets', { namespace: 'default', name: 's' });
  assert.equal(stored?.object.kind, 'Encrypted');
  assert.doesNotMatch(JSON.stringify(stored), /aGlkZGVu/);
});
