// The journal on a disk that loses power: what was synced stays, of what was not each sector may have arrived or not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, seeded, seedOfRun } from '../../test/simulation/random.ts';
import { Journal, type JournalFile } from './journal.ts';
import { type Batch, encodeRecord, JournalDamaged } from './journal-record.ts';

const database = 4711;
const halfBytes = 4_096;
const sectorBytes = 512;

class Disk implements JournalFile {
  #durable = Buffer.alloc(halfBytes * 2);
  #written = Buffer.alloc(halfBytes * 2);
  fails = false;

  constructor(contents?: Buffer) {
    if (contents) {
      this.#durable = Buffer.from(contents);
      this.#written = Buffer.from(contents);
    }
  }

  write(bytes: Uint8Array, position: number): void {
    this.#written.set(bytes, position);
  }

  async sync(): Promise<void> {
    if (this.fails) throw new Error('EIO: i/o error, fdatasync');
    this.#durable = Buffer.from(this.#written);
  }

  read(position = 0, length = halfBytes * 2): Buffer {
    return Buffer.from(this.#written.subarray(position, position + length));
  }

  /** The disk after the power has gone. */
  afterPowerLoss(random: Random): Buffer {
    const left = Buffer.from(this.#durable);
    for (let at = 0; at < left.length; at += sectorBytes)
      if (random.below(2) === 0) this.#written.copy(left, at, at, at + sectorBytes);
    return left;
  }

  close(): void {}
}

const batchOf = (sequence: number, length: number): Batch => ({
  sequence,
  parts: [
    { resource: 'pods', head: sequence, rows: [[sequence, Buffer.alloc(length, `row of ${sequence} `)]] },
    { resource: 'nodes', head: sequence * 2, rows: [] },
  ],
});

const shown = (batches: readonly Batch[]): unknown =>
  batches.map(({ sequence, parts }) => [
    sequence,
    parts.map(({ resource, head, rows }) => [resource, head, rows.map(([revision, row]) => [revision, String(row)])]),
  ]);

const left = (image: Buffer, settled: number): Batch[] =>
  new Journal(new Disk(image), database, settled, halfBytes).unsettled();

/** What a start would replay: every acknowledged batch once, and perhaps the one that was being written. */
function check(image: Buffer, settled: number, acknowledged: readonly Batch[], trying: Batch | undefined): void {
  const found = left(image, settled);
  const must = acknowledged.filter(({ sequence }) => sequence > settled);
  const may = trying && found.length > must.length ? [...must, trying] : must;
  assert.deepEqual(shown(found), shown(may));
}

test('a loss of power at any moment leaves every acknowledged batch, and no other but the one being written', async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLIPWAY_SEED=${seed}`);
  const random = seeded(seed);
  for (let life = 0; life < 60; life++) {
    let disk = new Disk();
    let settled = 0;
    let journal = new Journal(disk, database, settled, halfBytes);
    let acknowledged: Batch[] = [];
    /** Refused, and neither taken by the database nor withdrawn. */
    let ghost: Batch | undefined;
    for (let sequence = 1; sequence < 80; ) {
      const batch = batchOf(sequence, random.below(1_500));
      disk.fails = random.below(12) === 0;
      const writing = journal.append(batch).catch(() => undefined);
      check(disk.afterPowerLoss(random), settled, acknowledged, ghost ?? batch);
      const written = await writing;
      if (written) acknowledged.push(batch);
      else if (written === undefined && random.below(2) === 0) {
        // Nobody took it: it may come back only as long as it could not be withdrawn.
        disk.fails = random.below(2) === 0;
        ghost = (await journal.withdraw()) ? undefined : batch;
        check(disk.afterPowerLoss(random), settled, acknowledged, ghost);
        continue;
      } else {
        // The database takes what waits, and this one; only then does the caller hear of it.
        acknowledged.push(batch);
        settled = sequence;
        journal.settle(settled);
        ghost = undefined;
      }
      sequence++;
      if (random.below(6) === 0) {
        settled = sequence - 1 - random.below(Math.min(4, sequence - settled));
        journal.settle(settled);
      }
      disk.fails = false;
      const image = disk.afterPowerLoss(random);
      check(image, settled, acknowledged, undefined);
      if (random.below(10) > 0) continue;
      // A start: the database takes what was left, and the journal begins anew.
      disk = new Disk(image);
      settled = sequence - 1;
      journal = new Journal(disk, database, settled, halfBytes);
      acknowledged = [];
    }
  }
});

test('the last record cut off at any byte is not there, and those before it are', async () => {
  const disk = new Disk();
  const journal = new Journal(disk, database, 0, halfBytes);
  for (const sequence of [1, 2]) await journal.append(batchOf(sequence, 100));
  const before = disk.read();
  await journal.append(batchOf(3, 100));
  const whole = disk.read();
  assert.equal(left(whole, 0).length, 3);
  const end = encodeRecord(database, batchOf(3, 100)).length + before.lastIndexOf('row of 2') + 64;
  for (let cut = 0; cut < end; cut++) {
    const torn = Buffer.concat([whole.subarray(0, cut), before.subarray(cut)]);
    const found = left(torn, 0).length;
    assert.ok(found === 2 || (found === 3 && torn.equals(whole)), `cut at ${cut}: ${found}`);
  }
});

test('a record that was acknowledged and cannot be read is said, not left out', async () => {
  const disk = new Disk();
  const journal = new Journal(disk, database, 0, halfBytes);
  for (const sequence of [1, 2, 3]) await journal.append(batchOf(sequence, 100));
  const image = disk.read();
  image[image.indexOf('row of 2')]! ^= 1;
  assert.throws(() => left(image, 0), JournalDamaged);
  const lost = disk.read();
  lost.fill(0, 0, 64);
  assert.deepEqual(left(lost, 0), []);
  // The database stands before the first batch that is left.
  const second = new Disk();
  const later = new Journal(second, database, 5, halfBytes);
  await later.append(batchOf(6, 10));
  assert.throws(() => left(second.read(), 4), /batch 5 is missing/);
});

test('a batch that is too long for it, or would overwrite what the database has not taken, is refused', async () => {
  const journal = new Journal(new Disk(), database, 0, halfBytes);
  assert.equal(await journal.append(batchOf(1, halfBytes)), false);
  let sequence = 1;
  while (sequence < 20 && (await journal.append(batchOf(sequence, 1_000)))) sequence++;
  assert.equal(sequence, 7);
  journal.settle(2);
  assert.equal(await journal.append(batchOf(sequence, 1_000)), false);
  journal.settle(4);
  assert.equal(await journal.append(batchOf(sequence, 1_000)), true);
});
