import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'dns-packet';
import { AnswerCache } from './cache.ts';
import { address } from './fixture/upstream.ts';
import { parseAnswer } from './upstream-answer.ts';

const answer = (name: string, ttl = 60) =>
  parseAnswer(
    encode({ type: 'response', questions: [{ name, type: 'A' }], answers: [address(name, '192.0.2.1', ttl)] }),
  );

test('memory is bounded, and what was asked for last stays', () => {
  const cache = new AnswerCache(10_000, () => 0);
  cache.set('dear', answer('dear.example.com'));
  for (let i = 0; i < 1000; i++) {
    cache.set(`n${i}`, answer(`n${i}.example.com`));
    assert.ok(cache.get('dear'), `after ${i} others`);
  }
  const left = Array.from({ length: 1000 }, (_, i) => cache.get(`n${i}`)).filter(Boolean).length;
  assert.ok(left > 5 && left < 20, String(left));
});

test('a newer answer takes the place of an older one; what may not be kept only takes it away', () => {
  const cache = new AnswerCache(10_000, () => 0);
  cache.set('a', answer('a.example.com', 10));
  cache.set('a', answer('a.example.com', 20));
  assert.equal(cache.get('a')?.answer.lifetime, 20);
  cache.set('a', answer('a.example.com', 0));
  assert.equal(cache.get('a'), undefined);
});
