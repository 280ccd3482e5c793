import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/objects.ts';
import type { ResourceRef } from '../client/client.ts';
import type { Cache } from './controller.ts';
import { attributesClassProtectionController as controller } from './storage-protection.ts';

const finalizer = 'kubernetes.io/vac-protection';
const leaving: KubeObject = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttributesClass',
  metadata: {
    name: 'gold',
    finalizers: [finalizer, 'example.com/other'],
    deletionTimestamp: '2026-01-02T03:04:05Z',
    resourceVersion: '7',
    uid: 'u',
  },
};
const claim = (className: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec: { volumeAttributesClassName: className },
});

async function decide(claims: KubeObject[]) {
  const cache = {
    get: () => leaving,
    list: (of: ResourceRef) => (of.plural === 'persistentvolumeclaims' ? claims : []),
  } as unknown as Cache;
  const observed = await controller.observe({ namespace: '', name: 'gold' }, cache, undefined as never);
  assert.ok(observed);
  return controller.decide(observed, 0);
}

test('a class of volume attributes goes once nobody names it, and keeps the finalizers of others', async () => {
  assert.deepEqual(await decide([claim('gold')]), []);
  const [action] = await decide([claim('silver')]);
  assert.deepEqual(action?.do === 'patch' && action.patch, {
    metadata: { resourceVersion: '7', uid: 'u', finalizers: ['example.com/other'] },
  });
});
