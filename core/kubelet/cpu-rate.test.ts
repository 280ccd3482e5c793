import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuCount, CpuHistory } from './cpu-rate.ts';

const second = 1_000;
const ns = 1e9;
const at = (seconds: number, cpuSeconds: number): CpuCount => ({
  atMs: seconds * second,
  cpuNanoSeconds: cpuSeconds * ns,
});
const kept = (...rounds: CpuCount[]): CpuHistory => {
  const history = new CpuHistory();
  for (const round of rounds) history.keep(new Map([['c', round]]));
  return history;
};

test('a rate is what was used since a count that is some seconds old', () => {
  const history = kept(at(0, 0), at(10, 5), at(20, 7));
  assert.deepEqual(history.rate('c', at(26, 10)), { nanoCores: 0.5 * ns, windowMs: 6 * second });
});

test('a count that was just taken is passed over for the one before it', () => {
  const history = kept(at(0, 0), at(10, 5), at(20, 7));
  assert.deepEqual(history.rate('c', at(21, 8)), { nanoCores: Math.round((3 / 11) * ns), windowMs: 11 * second });
});

test('what has just begun is counted from its beginning, when its counter was zero', () => {
  const history = kept();
  assert.deepEqual(history.rate('c', at(102, 1), 100 * second), { nanoCores: 0.5 * ns, windowMs: 2 * second });
  assert.equal(history.rate('c', at(100.5, 1), 100 * second), undefined, 'too short to say anything');
});

test('an old counter of which nothing is known has no rate, nor has one that went back', () => {
  assert.equal(kept().rate('c', at(50, 10)), undefined);
  assert.equal(kept(at(0, 10)).rate('c', at(20, 9)), undefined);
  assert.equal(kept(at(50, 10)).rate('c', at(20, 20)), undefined, 'the clock was set back');
});

test('what is not counted any more is forgotten', () => {
  const history = kept(at(0, 0));
  history.keep(new Map([['other', at(10, 0)]]));
  assert.equal(history.rate('c', at(20, 1)), undefined);
});
