import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pools } from './pools.ts';

const numbersOf = (pools: Pools, name: string): [number, string][] => [...(new Map(pools.all()).get(name) ?? [])];

test('numbers of a pool lie together, and those of targets that stay do not change', () => {
  const pools = new Pools();
  pools.replace('web', ['a', 'b', 'c']);
  const { first, count } = pools.range('web')!;
  assert.equal(count, 3);
  assert.deepEqual(pools.replace('web', ['a', 'b', 'b2', 'c']), new Map([[first + 3, [undefined, 'b2']]]));
  assert.deepEqual(
    pools.replace('web', ['b', 'b2', 'c']),
    new Map([
      [first, ['a', 'b2']],
      [first + 3, ['b2', undefined]],
    ]),
  );
  assert.deepEqual(
    numbersOf(pools, 'web').map(([, target]) => target),
    ['b2', 'b', 'c'],
  );
  assert.deepEqual(pools.replace('web', ['c', 'b', 'b2']), new Map());
});

test('pools do not overlap, and the numbers of one that is gone are used again', () => {
  const pools = new Pools();
  pools.replace('a', ['x', 'y']);
  pools.replace('b', ['x']);
  const [a, b] = [pools.range('a')!, pools.range('b')!];
  assert.ok(Math.abs(a.first - b.first) >= 16_384);
  assert.deepEqual(
    [...pools.replace('a', []).values()],
    [
      ['x', undefined],
      ['y', undefined],
    ],
  );
  assert.equal(pools.range('a'), undefined);
  pools.replace('c', ['z']);
  assert.equal(pools.range('c')?.first, a.first);
  assert.deepEqual([...new Map(pools.all()).keys()], ['b', 'c']);
});

test('a pool that is full takes no more', () => {
  const pools = new Pools();
  const many = Array.from({ length: 20_000 }, (_, i) => `t${i}`);
  assert.equal(pools.replace('web', many).size, 16_384);
  assert.equal(pools.range('web')?.count, 16_384);
});
