// Reads counters. Those that are asked for at the same moment (by caches that all catch up) are read by one Query over their
// partition, where that costs fewer units than a GetItem for each.
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { Counter, CounterOf } from '../../core/store/protocol/ops.ts';
import type { Resource } from '../../core/store/store.ts';
import { counterOf, keyItem, text } from './items.ts';
import { counterKey, counterPartition } from './keys.ts';
import { query, type Tables } from './read.ts';
import { send } from './send.ts';

/** Counters that a read unit (4 KB) holds: one is some 90 bytes, a few more with a long name. */
const countersPerUnit = 32;

interface Asked {
  resource: Resource;
  resolve: (counter: Counter) => void;
  reject: (error: unknown) => void;
}

export class Counters {
  readonly #tables: Tables;
  #asked: Asked[] = [];
  /** How many there were at the last Query; of a cluster that has just been made there are fewer. */
  #known = countersPerUnit;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  async all(): Promise<CounterOf[]> {
    const items = await query(this.#tables, {
      TableName: this.#tables.objectsTable,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': text(counterPartition) },
    });
    this.#known = items.length;
    return items.map((item) => ({ resource: item['sk']!.S!, ...counterOf(item) }));
  }

  /** As it stands at some moment after this is called. */
  one(resource: Resource): Promise<Counter> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ resource, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => this.#read(this.#asked.splice(0)));
    });
  }

  #read(asked: readonly Asked[]): void {
    if (asked.length > 1 && asked.length >= Math.ceil(this.#known / countersPerUnit)) {
      this.#readTogether(asked);
      return;
    }
    for (const { resource, resolve, reject } of asked) this.#readOne(resource).then(resolve, reject);
  }

  #readTogether(asked: readonly Asked[]): void {
    this.all().then(
      (counters) => {
        const byResource = new Map(counters.map((counter) => [counter.resource, counter]));
        for (const { resource, resolve } of asked) resolve(byResource.get(resource) ?? counterOf(undefined));
      },
      (error) => {
        for (const { reject } of asked) reject(error);
      },
    );
  }

  async #readOne(resource: Resource): Promise<Counter> {
    const { client, objectsTable } = this.#tables;
    const key = keyItem(counterKey(resource));
    const { Item } = await send(
      client,
      new GetItemCommand({ TableName: objectsTable, Key: key, ConsistentRead: true }),
    );
    return counterOf(Item);
  }
}
