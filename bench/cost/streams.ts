// The change table's stream, and the two functions that Lambda invokes with its records.
import type { DynamoDBRecord } from 'aws-lambda';
import { wakingAttribute } from '../../aws/dynamo/schema.ts';
import type { BatchResponse, FunctionEvent } from '../../lambdas/host/event.ts';
import type { Item } from './expressions.ts';
import type { SimulatedTime } from './time.ts';

/** A table on demand begins with four partitions, each with a shard. */
const shardCount = 4;
/** Lambda asks each shard four times a second: a record waits half of that on average, and is under way for a little. */
const deliveryMs = 150;
const mostRecords = 1_000;
const againMs = 1_000;

export interface Consumer {
  name: string;
  invoke(event: FunctionEvent): Promise<BatchResponse>;
}

/** As the filter of the mappings in infra/wake-ups.ts. */
const wakes = (item: Item): boolean => item[wakingAttribute] !== undefined;

export class Streams {
  readonly #time: SimulatedTime;
  readonly #shards: Shard[] = [];
  #sequence = 0;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  consume(consumer: Consumer): void {
    for (let number = 0; number < shardCount; number++) this.#shards.push(new Shard(this.#time, consumer, number));
  }

  readonly inserted = (item: Item): void => {
    const record = {
      eventName: 'INSERT',
      dynamodb: { NewImage: item, SequenceNumber: String(++this.#sequence) },
    } as DynamoDBRecord;
    if (!wakes(item)) return;
    const number = hashOf(item['pk']?.S ?? '') % shardCount;
    for (const shard of this.#shards) if (shard.number === number) shard.add(record);
  };
}

const hashOf = (text: string): number => {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash;
};

class Shard {
  readonly number: number;
  readonly #time: SimulatedTime;
  readonly #consumer: Consumer;
  #records: DynamoDBRecord[] = [];
  #busy = false;

  constructor(time: SimulatedTime, consumer: Consumer, number: number) {
    this.#time = time;
    this.#consumer = consumer;
    this.number = number;
  }

  add(record: DynamoDBRecord): void {
    this.#records.push(record);
    if (!this.#busy) void this.#deliver();
  }

  async #deliver(): Promise<void> {
    this.#busy = true;
    await this.#time.sleep(deliveryMs);
    while (this.#records.length > 0) {
      const batch = this.#records.splice(0, mostRecords);
      const { batchItemFailures } = await this.#consumer.invoke({ Records: batch });
      const [failed] = batchItemFailures;
      if (!failed) continue;
      const from = batch.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed.itemIdentifier);
      this.#records.unshift(...batch.slice(Math.max(0, from)));
      await this.#time.sleep(againMs);
    }
    this.#busy = false;
  }
}
