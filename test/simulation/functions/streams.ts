// The change table's stream. Rows of one partition come in the order in which they were put, which is not that of their revisions;
// of different partitions in any. Some come late, some again.

import { quietResources } from '../../../aws/dynamo/schema.ts';
import type { Random } from '../../../core/client/fixture/random.ts';
import type { Row } from '../../../core/store/protocol/ops.ts';
import type { Resource } from '../../../core/store/store.ts';
import type { BatchResponse, StreamChange } from '../../../lambdas/host/event.ts';
import type { VirtualTime } from '../virtual-time.ts';
import { Throttled } from './pool.ts';

/** As the decoder of the table's driver reads it, with what Lambda asks back when the batch fails. */
export interface StreamRecord {
  dynamodb: { SequenceNumber: string };
  told: StreamChange;
}

/** Resolves with what the function answers; rejects when it has not. */
export type Consume = (records: readonly StreamRecord[]) => Promise<BatchResponse>;

/** A table on demand begins with four partitions, each with a shard. */
const shardCount = 4;
/** https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html, as infra/wake-ups.ts sets it. */
const mostTries = 12;
const mostRecords = 50;

/** Revisions that lie together in the table. */
const segmentLength = 64;

export class Streams {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #duplicates: number;
  readonly #shards: Shard[] = [];
  #sequence = 0;

  /** `duplicates`: the probability that a batch comes again, or late. */
  constructor(time: VirtualTime, random: Random, duplicates: number) {
    this.#time = time;
    this.#random = random;
    this.#duplicates = duplicates;
  }

  consume(consume: Consume): void {
    for (let number = 0; number < shardCount; number++) {
      this.#shards.push(new Shard(this.#time, this.#random, this.#duplicates, consume));
    }
  }

  /** Void rows and what hardly matters to anybody wake nobody. */
  readonly told = (resource: Resource, row: Row): void => {
    if (row.kind === 'void' || quietResources.includes(resource)) return;
    const { type, key, revision, object, previous } = row;
    const sequenceNumber = String(++this.#sequence);
    const change = { type, key, revision, object, ...(previous ? { previous } : {}) };
    const record = {
      dynamodb: { SequenceNumber: sequenceNumber },
      told: { resource, revision, change, sequenceNumber },
    };
    const number = hashOf(`${resource}#${Math.floor(revision / segmentLength)}`) % shardCount;
    this.#shards.forEach((shard, at) => {
      if (at % shardCount === number) shard.add(record);
    });
  };
}

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash;
}

/** What one function has yet to be told of one shard. */
class Shard {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #duplicates: number;
  readonly #consume: Consume;
  #records: StreamRecord[] = [];
  #isReading = false;

  constructor(time: VirtualTime, random: Random, duplicates: number, consume: Consume) {
    this.#time = time;
    this.#random = random;
    this.#duplicates = duplicates;
    this.#consume = consume;
  }

  add(record: StreamRecord): void {
    this.#records.push(record);
    if (!this.#isReading) void this.#read();
  }

  async #read(): Promise<void> {
    const random = this.#random;
    this.#isReading = true;
    for (let tries = 0; this.#records.length > 0; ) {
      await this.#time.sleep(50 + random.below(random.chance(this.#duplicates) ? 20_000 : 400));
      const batch = this.#records.slice(0, 1 + random.below(Math.min(this.#records.length, mostRecords)));
      const done = await this.#deliver(batch);
      if (done === 'throttled') continue;
      tries = done > 0 ? 0 : tries + 1;
      // What nobody could read goes to the dead letters.
      this.#records.splice(0, tries > mostTries ? 1 : done);
    }
    this.#isReading = false;
  }

  /** How many records, from the first, are done with. */
  async #deliver(batch: readonly StreamRecord[]): Promise<number | 'throttled'> {
    try {
      const { batchItemFailures } = await this.#consume(batch);
      const [failed] = batchItemFailures;
      if (!failed) return this.#random.chance(this.#duplicates) ? 0 : batch.length;
      return Math.max(
        0,
        batch.findIndex(({ told }) => told.sequenceNumber === failed.itemIdentifier),
      );
    } catch (error) {
      if (!(error instanceof Throttled)) return 0;
      await error.outage;
      await this.#time.sleep(this.#random.below(2_000));
      return 'throttled';
    }
  }
}
