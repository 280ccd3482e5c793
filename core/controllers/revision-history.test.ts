import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentRevision, cutHistory, type RevisionOwner, type StoredRevision } from './revision-history.ts';

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

test('a revision is cut as it was seen: one that was raised to the newest since stays', () => {
  const revision = (name: string, number: number): StoredRevision =>
    ({ metadata: { name, namespace: 'default', uid: name, resourceVersion: '7' }, revision: number }) as StoredRevision;
  const cut = cutHistory([revision('a', 1), revision('b', 2), revision('c', 3)], (one) => one.revision === 3, 1);
  assert.deepEqual(
    cut.map((action) => action.do === 'delete' && [action.key.name, action.options]),
    [['a', { uid: 'a', resourceVersion: '7' }]],
  );
});
