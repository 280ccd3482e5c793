import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentRevision, type RevisionOwner } from './revision-history.ts';

test('a revision holds the template as Go writes a map: keys in order, the directive first', () => {
  const owner: RevisionOwner = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd', namespace: 'default', uid: 'u' },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] }, metadata: { labels: { b: '1', a: '2' } } } },
  };
  const { newest } = currentRevision(owner, [], (hash) => ({ hash }));
  assert.equal(
    JSON.stringify(newest.data),
    '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"a":"2","b":"1"}},"spec":{"containers":[{"image":"i","name":"c"}]}}}}',
  );
});
