import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNodeOverruled, isPodOverruled } from './overruled.ts';

const condition = (type: string, status: string) => ({ type, status });

test('a node is overruled by another status of a condition of its own, not by conditions of others', () => {
  const said = { conditions: [condition('MemoryPressure', 'False'), condition('Ready', 'True')] };
  assert.equal(isNodeOverruled({ conditions: [...said.conditions, condition('Others', 'True')] }, said), false);
  assert.equal(
    isNodeOverruled({ conditions: [condition('MemoryPressure', 'False'), condition('Ready', 'Unknown')] }, said),
    true,
  );
  assert.equal(isNodeOverruled(undefined, said), true);
});

test('a pod is overruled by another phase, or by a condition that the node set otherwise', () => {
  const said = { phase: 'Running', conditions: [condition('Ready', 'True'), condition('PodScheduled', 'True')] };
  const stored = {
    ...said,
    message: 'by somebody',
    conditions: [...said.conditions, condition('example.com/gate', 'False')],
  };
  assert.equal(isPodOverruled(stored, said), false);
  assert.equal(
    isPodOverruled({ ...stored, conditions: [condition('Ready', 'False'), condition('PodScheduled', 'True')] }, said),
    true,
  );
  assert.equal(isPodOverruled({ ...stored, phase: 'Failed' }, said), true);
});
