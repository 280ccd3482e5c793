import assert from 'node:assert/strict';
import test from 'node:test';
import { dedupeOwners } from './metadata.ts';

test('of thousands of owners only those that say the same twice are dropped, and the client is told', () => {
  const owners = Array.from({ length: 20_000 }, (_, i) => ({ apiVersion: 'v1', kind: 'Pod', name: `p${i}`, uid: 'u' }));
  const ownerReferences = [...owners, { ...owners[7]! }, { ...owners[8]!, controller: true }];
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'menu', ownerReferences } };
  const warnings: string[] = [];
  dedupeOwners(object, warnings);
  assert.equal(object.metadata.ownerReferences.length, 20_001);
  assert.match(warnings[0] ?? '', /duplicate UID\(s\) observed: u$/);
});
