// Deleting a namespace, look by look.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertGolden } from '../../../test/golden-file.ts';
import { StatusError } from '../../api/errors.ts';
import type { ObjectMeta } from '../../api/types.gen.ts';
import { resources } from '../../client/resources.ts';
import { at, nowMs } from '../fixture/objects.ts';
import {
  type Content,
  decideNamespace,
  failedNamespace,
  type ObservedNamespace,
  type StoredNamespace,
} from './decide.ts';

const namespace: StoredNamespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'doomed', uid: 'uid-doomed', resourceVersion: '3', deletionTimestamp: at(0) },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Terminating' },
};
const meta = (name: string, more: ObjectMeta = {}): ObjectMeta => ({
  name,
  namespace: 'doomed',
  uid: `uid-${name}`,
  ...more,
});
const pods = (...items: ObjectMeta[]): Content => ({ of: resources.pods, items });
const maps = (...items: ObjectMeta[]): Content => ({ of: resources.configMaps, items });
const observe = (contents: Content[], more: Partial<ObservedNamespace> = {}): ObservedNamespace => ({
  namespace,
  contents,
  listFailures: [],
  ...more,
});

test('pods go before everything else', () => {
  const actions = decideNamespace(observe([maps(meta('m')), pods(meta('p'))]), nowMs);
  assert.deepEqual(
    actions.flatMap((action) => (action.do === 'delete' ? [action.key.name] : [])),
    ['p'],
  );
});

test('then the rest goes, and it is looked again soon', () => {
  assertGolden('controllers/namespace-content', decideNamespace(observe([pods(), maps(meta('a'), meta('b'))]), nowMs));
});

test('what waits for finalizers is told in the conditions', () => {
  const waiting = meta('w', { deletionTimestamp: at(0), finalizers: ['example.com/hold'] });
  assertGolden('controllers/namespace-waiting', decideNamespace(observe([maps(waiting)]), nowMs));
});

test('an empty namespace loses its finalizer', () => {
  assertGolden('controllers/namespace-empty', decideNamespace(observe([pods(), maps()]), nowMs));
});

test('a namespace is not ended while something could not be found out', () => {
  const unknown = decideNamespace(observe([], { discoveryFailure: 'Discovery failed for some groups: x' }), nowMs);
  assertGolden('controllers/namespace-discovery-failure', unknown);
  const unlisted = decideNamespace(observe([], { listFailures: ['pods: broken'] }), nowMs);
  assert.ok(unlisted.every((action) => action.do !== 'update' || action.subresource === 'status'));
});

test('deletions that fail are told', () => {
  const observed = observe([maps(meta('a'))]);
  const [action] = decideNamespace(observed, nowMs);
  const failures = [{ action: action!, error: new StatusError('Forbidden', 'not you') }];
  assertGolden('controllers/namespace-deletion-failure', failedNamespace(observed, failures, nowMs));
});
