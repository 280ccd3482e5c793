// Encryption at the store's edge changes nothing of the contract, and the rules of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../core/store/memory.ts';
import type { EncryptionKey } from '../../core/store/transform.ts';
import { withEncryption } from '../../core/store/transform.ts';
import { storeContract } from './store.ts';
import { objectAt } from './subject.ts';

async function newKey(id: string): Promise<EncryptionKey> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  return { id, key };
}

const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));
const resources = new Set(['configmaps']);
const key = { namespace: 'default', name: 'a' };

storeContract('memory, encrypted', async (options = {}) => {
  const keys = [await newKey('one')] as const;
  const store = withEncryption(new MemoryStore(options), { resources, keys, randomBytes });
  return { store, countsRemaining: true, expire: async () => undefined, dispose: () => store.close() };
});

test('the store beneath holds nothing readable, in its objects, its log and its deletions', async () => {
  const plain = new MemoryStore();
  const store = withEncryption(plain, { resources, keys: [await newKey('one')], randomBytes });
  const object = objectAt(key, 'swordfish');
  const created = await store.commit({ op: 'put', resource: 'configmaps', key, object, expected: 'absent' });
  assert.ok(created.ok);
  await store.commit({ op: 'delete', resource: 'configmaps', key, object, expected: created.revision });
  const { changes } = await plain.changesSince('configmaps', 1);
  assert.equal(changes.length, 2);
  assert.doesNotMatch(JSON.stringify(changes), /swordfish/);
  assert.match(JSON.stringify((await store.changesSince('configmaps', 1)).changes), /swordfish/);
});

test('a new key writes, and what the old one wrote is still read', async () => {
  const plain = new MemoryStore();
  const [old, fresh] = [await newKey('old'), await newKey('fresh')];
  const before = withEncryption(plain, { resources, keys: [old], randomBytes });
  await before.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, 1), expected: 'absent' });
  const after = withEncryption(plain, { resources, keys: [fresh, old], randomBytes });
  const stored = await after.get('configmaps', key);
  assert.deepEqual(stored?.object, objectAt(key, 1));
  await after.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, 2), expected: stored!.revision });
  assert.equal((await plain.get('configmaps', key))?.object['keyId'], 'fresh');
  const withoutOld = withEncryption(plain, { resources, keys: [fresh], randomBytes });
  assert.deepEqual((await withoutOld.get('configmaps', key))?.object, objectAt(key, 2));
  await assert.rejects(before.get('configmaps', key), /encrypted with key "fresh", which is not there/);
});

test('an envelope that was moved to another name is not opened', async () => {
  const plain = new MemoryStore();
  const store = withEncryption(plain, { resources, keys: [await newKey('one')], randomBytes });
  await store.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, 1), expected: 'absent' });
  const envelope = (await plain.get('configmaps', key))!.object;
  const elsewhere = { namespace: 'default', name: 'b' };
  const moved = { ...envelope, metadata: elsewhere };
  await plain.commit({ op: 'put', resource: 'configmaps', key: elsewhere, object: moved, expected: 'absent' });
  await assert.rejects(store.get('configmaps', elsewhere));
});

test('objects stored before encryption was turned on are read as they are', async () => {
  const plain = new MemoryStore();
  await plain.commit({ op: 'put', resource: 'configmaps', key, object: objectAt(key, 1), expected: 'absent' });
  const store = withEncryption(plain, { resources, keys: [await newKey('one')], randomBytes });
  assert.deepEqual((await store.get('configmaps', key))?.object, objectAt(key, 1));
});
