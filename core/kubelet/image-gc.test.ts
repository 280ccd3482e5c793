import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytesToFree,
  evictionOrder,
  expiredImages,
  type ImageGcPolicy,
  type NodeImage,
  noRoomMessage,
  noteImages,
} from './image-gc.ts';

const minute = 60_000;
const policy: ImageGcPolicy = {
  highThresholdPercent: 85,
  lowThresholdPercent: 80,
  minimumAgeMs: 2 * minute,
  maximumAgeMs: 0,
};
const image = (id: string, more: Partial<NodeImage> = {}): NodeImage => ({
  id,
  sizeBytes: 100,
  pinned: false,
  used: false,
  ...more,
});
const ids = (images: readonly NodeImage[]): string[] => images.map(({ id }) => id);

test('nothing has to go below the high threshold; from there on, down to the low one', () => {
  const free = (available: number): number => bytesToFree({ capacity: 1000, available }, policy);
  assert.deepEqual([free(1000), free(200), free(160)], [0, 0, 0]);
  assert.deepEqual([free(150), free(100), free(0)], [50, 100, 200]);
});

test('used percents are whole ones, rounded up', () => {
  // 15.9 % free count as 15 %: the disk is 85 % full
  assert.equal(bytesToFree({ capacity: 1000, available: 159 }, policy), 41);
});

test('a disk that has more room than it is large counts as empty, and a threshold of 100 never acts', () => {
  assert.equal(bytesToFree({ capacity: 1000, available: 5000 }, policy), 0);
  assert.equal(bytesToFree({ capacity: 1000, available: 0 }, { ...policy, highThresholdPercent: 100 }), 0);
});

test('the longest unused goes first, then the longest known; what is used or pinned stays', () => {
  const all = ['a', 'b', 'c', 'd', 'pause', 'run'].map((id) => image(id));
  const using = (...names: string[]) =>
    all.map((one) => ({ ...one, used: names.includes(one.id), pinned: one.id === 'pause' }));
  let records = noteImages(undefined, using('a', 'run'), 1 * minute);
  records = noteImages(records, using('b', 'run'), 2 * minute);
  records = noteImages(records, using('run'), 3 * minute);
  assert.deepEqual(ids(evictionOrder(records, using('run'), policy, 10 * minute)), ['c', 'd', 'a', 'b']);
});

test('an image is left alone until it was known for the minimum age; those of before the first look are old', () => {
  const first = noteImages(undefined, [image('old')], 10 * minute);
  const records = noteImages(first, [image('old'), image('new')], 11 * minute);
  const order = (now: number) => ids(evictionOrder(records, [image('old'), image('new')], policy, now));
  assert.deepEqual(order(12 * minute), ['old']);
  assert.deepEqual(order(13 * minute), ['old', 'new']);
});

test('what came back after it was removed is new again', () => {
  const first = noteImages(undefined, [image('a')], minute);
  const gone = noteImages(first, [], 2 * minute);
  const back = noteImages(gone, [image('a')], 3 * minute);
  assert.deepEqual(ids(evictionOrder(back, [image('a')], policy, 4 * minute)), []);
});

test('an image that stopped being used this very moment stays', () => {
  const records = noteImages(undefined, [image('a', { used: true })], minute);
  assert.deepEqual(ids(evictionOrder(records, [image('a')], { ...policy, minimumAgeMs: 0 }, minute)), []);
});

test('past the maximum age images go with any room, once the node has looked for as long', () => {
  const aging = { ...policy, maximumAgeMs: 10 * minute };
  const images = [image('idle'), image('late'), image('pause', { pinned: true }), image('run', { used: true })];
  const used = images.map((one) => ({ ...one, used: one.id === 'late' || one.id === 'run' }));
  const records = noteImages(noteImages(undefined, images, 0), used, 5 * minute);
  const expired = (now: number, with_ = aging) => ids(expiredImages(records, images, with_, now, 0));
  assert.deepEqual(expired(10 * minute), []);
  assert.deepEqual(expired(11 * minute), ['idle']);
  assert.deepEqual(expired(16 * minute), ['idle', 'late']);
  assert.deepEqual(expired(60 * minute, policy), []);
});

test('the event says how full the disk is', () => {
  assert.match(
    noRoomMessage({ capacity: 10 * 2 ** 30, available: 0.5 * 2 ** 30 }),
    /^Insufficient free disk space on the node's image filesystem \(95\.0% of 10\.0 GiB used\)\. Failed to free/,
  );
});
