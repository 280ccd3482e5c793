import assert from 'node:assert/strict';
import test from 'node:test';
import { GenerationalCache } from './generational-cache.ts';

test('entries are kept for one to two generations', () => {
  const cache = new GenerationalCache<object, string>(10);
  const keys = Array.from({ length: 5 }, () => ({}));
  for (const [index, key] of keys.entries()) cache.set(key, String(index), 5);
  // Two fit in a generation: the fifth opened the third one.
  assert.deepEqual(
    keys.map((key) => cache.get(key)),
    [undefined, undefined, '2', '3', '4'],
  );
  assert.deepEqual(
    keys.map((key) => cache.isYoung(key)),
    [false, false, false, false, true],
  );
});

test('what is set again stays', () => {
  const cache = new GenerationalCache<object, string>(10);
  const kept = {};
  cache.set(kept, 'kept', 5);
  for (let i = 0; i < 20; i++) {
    cache.set({}, 'other', 5);
    if (!cache.isYoung(kept)) cache.set(kept, cache.get(kept) ?? 'lost', 5);
  }
  assert.equal(cache.get(kept), 'kept');
});
