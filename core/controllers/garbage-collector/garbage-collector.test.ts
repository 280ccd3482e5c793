// Owners and dependents: what is decided, and that a small world ends as it should.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { turns } from '../../../test/turns.ts';
import type { KubeObject } from '../../api/objects.ts';
import type { OwnerReference } from '../../api/types.gen.ts';
import type { ResourceRef } from '../../client/client.ts';
import { FakeApi } from '../../client/fixture/fake-api.ts';
import { manualPorts } from '../../client/fixture/manual-ports.ts';
import { resources } from '../../client/resources.ts';
import { startControllers } from '../start.ts';
import { decideGarbage, type ObservedItem, type OwnerState } from './decide.ts';
import { nodeOf } from './graph.ts';

const reference = (name: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  uid: `uid-${name}`,
  ...more,
});

function item(owners: OwnerReference[], more: KubeObject['metadata'] = {}): KubeObject {
  const metadata = {
    name: 'it',
    namespace: 'default',
    uid: 'uid-it',
    resourceVersion: '8',
    ownerReferences: owners,
    ...more,
  };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata };
}

function observe(
  owners: Record<string, OwnerState>,
  more: Partial<ObservedItem> & { meta?: KubeObject['metadata'] } = {},
): ObservedItem {
  const references = Object.keys(owners).map((name) => reference(name));
  return {
    of: resources.configMaps,
    item: item(references, more.meta),
    owners: references.map((one) => ({ reference: one, state: owners[one.name]!, known: true })),
    dependents: [],
    invalid: [],
    ...more,
  };
}

const dependent = (name: string, block: boolean, more: KubeObject['metadata'] = {}) => {
  const ownerReferences = [reference('it', { blockOwnerDeletion: block })];
  const metadata = { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '2', ownerReferences, ...more };
  const fresh: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
  return { node: nodeOf(resources.configMaps, fresh), fresh };
};

test('an object whose owners are all gone is deleted, one with an owner left only loses the references', () => {
  assertGolden('controllers/garbage-absent', decideGarbage(observe({ a: 'absent' })));
  assertGolden('controllers/garbage-one-left', decideGarbage(observe({ a: 'absent', b: 'solid' })));
  assert.deepEqual(decideGarbage(observe({ a: 'solid' })), []);
});

test('an owner that waits takes its dependents with it, in the foreground if they have dependents too', () => {
  const policyOf = (observed: ObservedItem) =>
    decideGarbage(observed).flatMap((action) => (action.do === 'delete' ? [action.options?.propagationPolicy] : []));
  assert.deepEqual(policyOf(observe({ a: 'waiting' })), ['Background']);
  assert.deepEqual(policyOf(observe({ a: 'waiting' }, { dependents: [dependent('d', true)] })), ['Foreground']);
  assert.deepEqual(policyOf(observe({ a: 'absent' }, { meta: { finalizers: ['orphan'] } })), ['Orphan']);
});

const waiting = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] };

test('foreground deletion waits for the dependents that block it, and no others', () => {
  const blocked = decideGarbage(
    observe({}, { meta: waiting, dependents: [dependent('d', true), dependent('e', false)] }),
  );
  assert.deepEqual(blocked, [{ do: 'enqueue', key: { namespace: '', name: 'uid-d' } }]);
  assertGolden(
    'controllers/garbage-foreground-done',
    decideGarbage(observe({}, { meta: waiting, dependents: [dependent('e', false)] })),
  );
});

test('a ring of owners is cut', () => {
  const actions = decideGarbage(observe({ a: 'waiting' }, { dependents: [dependent('a', true, waiting)] }));
  assertGolden('controllers/garbage-ring', actions);
});

test('orphaning takes the references off the dependents, then the finalizer', () => {
  const meta = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['orphan'] };
  assertGolden('controllers/garbage-orphan', decideGarbage(observe({}, { meta, dependents: [dependent('d', true)] })));
});

async function smallWorld() {
  const ports = manualPorts();
  const api = new FakeApi(ports);
  const verbs = ['create', 'delete', 'get', 'list', 'watch'];
  const served = (resource: string, kind: string, scope: string) => ({
    resource,
    scope,
    verbs,
    responseKind: { kind },
  });
  api.discovery = {
    items: [
      {
        metadata: { name: '' },
        versions: [
          {
            version: 'v1',
            resources: [served('configmaps', 'ConfigMap', 'Namespaced'), served('nodes', 'Node', 'Cluster')],
          },
        ],
      },
    ],
  };
  const create = (of: ResourceRef, name: string, namespace: string, owners: OwnerReference[] = []): KubeObject =>
    api.create(of, {
      apiVersion: 'v1',
      kind: of === resources.nodes ? 'Node' : 'ConfigMap',
      metadata: { name, ...(namespace ? { namespace } : {}), ownerReferences: owners },
    });
  const to = ({ apiVersion, kind, metadata }: KubeObject): OwnerReference => ({
    apiVersion,
    kind,
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    blockOwnerDeletion: true,
  });
  const running = startControllers({ client: api.client(), ports, only: ['garbage-collector'] });
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      await turns();
      ports.pass(200);
    }
  };
  await running.synced;
  await settle();
  const names = (): string[] => api.objects(resources.configMaps).map(({ metadata }) => metadata.name ?? '');
  return { api, create, to, settle, names, running };
}

const key = (name: string) => ({ namespace: 'default', name });

test('a family goes with its head: in the background, in the foreground, or stays as orphans', async () => {
  for (const propagationPolicy of ['Background', 'Foreground', 'Orphan'] as const) {
    const { api, create, to, settle, names, running } = await smallWorld();
    const head = create(resources.configMaps, 'head', 'default');
    const child = create(resources.configMaps, 'child', 'default', [to(head)]);
    create(resources.configMaps, 'grandchild', 'default', [to(child)]);
    create(resources.configMaps, 'stranger', 'default');
    await settle();
    assert.equal(names().length, 4);
    api.delete(resources.configMaps, key('head'), { propagationPolicy });
    await settle();
    const left = propagationPolicy === 'Orphan' ? ['child', 'grandchild', 'stranger'] : ['stranger'];
    assert.deepEqual(names().sort(), left);
    await running.stop();
  }
});

test('an owner that never was, or is in another namespace, counts as absent', async () => {
  const { create, to, settle, names, running } = await smallWorld();
  const elsewhere = create(resources.configMaps, 'owner', 'other');
  create(resources.configMaps, 'dangling', 'default', [reference('never')]);
  create(resources.configMaps, 'crossing', 'default', [to(elsewhere)]);
  const node = create(resources.nodes, 'n', '');
  create(resources.configMaps, 'of-node', 'default', [to(node)]);
  await settle();
  assert.deepEqual(names().sort(), ['of-node', 'owner']);
  await running.stop();
});

test('an owner of a kind that nobody serves leaves its dependents alone', async () => {
  const { create, settle, names, running } = await smallWorld();
  create(resources.configMaps, 'kept', 'default', [reference('x', { apiVersion: 'example.com/v1', kind: 'Thing' })]);
  await settle();
  assert.deepEqual(names(), ['kept']);
  await running.stop();
});

test('two that own each other both go', async () => {
  const { api, create, to, settle, names, running } = await smallWorld();
  const a = create(resources.configMaps, 'a', 'default');
  const b = create(resources.configMaps, 'b', 'default', [to(a)]);
  const current = api.find(resources.configMaps, key('a'))!;
  api.update(resources.configMaps, { ...current, metadata: { ...current.metadata, ownerReferences: [to(b)] } });
  await settle();
  api.delete(resources.configMaps, key('a'), { propagationPolicy: 'Foreground' });
  await settle();
  assert.deepEqual(names(), []);
  await running.stop();
});
