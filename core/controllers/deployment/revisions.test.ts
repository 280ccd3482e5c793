import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeploymentReplicaSet } from './model.ts';
import { nextRevision } from './revisions.ts';

const set = (revision?: string) =>
  ({
    metadata: { annotations: revision ? { 'deployment.kubernetes.io/revision': revision } : {} },
  }) as unknown as DeploymentReplicaSet;

test('revisions go on from the highest, beyond what a double holds exactly', () => {
  assert.equal(nextRevision([]), 1n);
  assert.equal(nextRevision([set('2'), set('7'), set('nonsense'), set()]), 8n);
  assert.equal(nextRevision([set('3546343826724305832')]), 3546343826724305833n);
});
