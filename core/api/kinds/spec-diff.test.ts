import assert from 'node:assert/strict';
import test from 'node:test';
import { unifiedDiff } from './spec-diff.ts';

const letters = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `x${from + i}`);

test('each hunk says where it stands in the old and in the new text', () => {
  const old = [...letters(0, 20)];
  const next = ['new', ...letters(0, 12), 'late', ...letters(13, 20)];
  const heads = unifiedDiff(old, next)
    .split('\n')
    .filter((line) => line.startsWith('@@'));
  assert.deepEqual(heads, ['@@ -1,4 +1,5 @@', '@@ -11,7 +12,7 @@']);
});

test('texts too long to be compared line by line are shown one after the other', () => {
  const old = letters(0, 30_000);
  const lines = unifiedDiff(old, old.toReversed()).split('\n');
  assert.equal(lines[0], '@@ -1,30002 +1,30002 @@');
  assert.deepEqual(lines.slice(1, 4), [' [', '- "x0",', '- "x1",']);
  assert.equal(lines.filter((line) => line.startsWith('+')).length, 30_000);
});
