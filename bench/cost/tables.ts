// DynamoDB's tables in memory, as the store's driver uses them: it answers requests in the form that they have on the wire, and
// says the capacity that they consume by the documented rules. `npm run bench:cost` counts with it; that it counts as DynamoDB
// does is what test/emulator/cost-units.test.ts asks DynamoDB Local.
import { itemBytes, readUnitsOf, writeUnitsOf } from '../../aws/cost/capacity.ts';
import type { TableSchema } from '../../aws/dynamo/schema.ts';
import { assigned, comparable, holds, type Item, type Names } from './expressions.ts';

/** A request that DynamoDB refuses. */
export class Refused extends Error {
  readonly details: object;

  constructor(name: string, details: object = {}) {
    super(name);
    this.name = name;
    this.details = details;
  }
}

interface Write extends Names {
  TableName: string;
  Item?: Item;
  Key?: Item;
  ConditionExpression?: string;
  UpdateExpression?: string;
  ReturnValuesOnConditionCheckFailure?: string;
}

interface Input extends Write {
  KeyConditionExpression?: string;
  ExclusiveStartKey?: Item;
  Limit?: number;
  RequestItems?: Record<string, { Keys: Item[] }>;
  TransactItems?: Record<'Put' | 'Update' | 'ConditionCheck', Write | undefined>[];
}

/** Bytes of values are counted as they are stored. */
const bytesOf = (item: Item): number =>
  itemBytes(
    Object.fromEntries(
      Object.entries(item).map(([name, { B, ...value }]) => [
        name,
        B === undefined ? (value as { S: string }) : { B: Buffer.from(B, 'base64') },
      ]),
    ),
  );

interface Stored {
  key: string | number;
  item: Item;
  bytes: number;
}

class MemoryTable {
  readonly schema: TableSchema;
  readonly #partitions = new Map<string, Stored[]>();
  bytes = 0;
  items = 0;

  constructor(schema: TableSchema) {
    this.schema = schema;
  }

  partition(pk: string): readonly Stored[] {
    return this.#partitions.get(pk) ?? [];
  }

  get(key: Item): Stored | undefined {
    const sorted = this.partition(key[this.schema.partitionKey.name]!.S!);
    const sortKey = comparable(key[this.schema.sortKey.name]!);
    const found = sorted[place(sorted, sortKey)];
    return found?.key === sortKey ? found : undefined;
  }

  put(item: Item): Stored {
    const pk = item[this.schema.partitionKey.name]!.S!;
    const key = comparable(item[this.schema.sortKey.name]!);
    let sorted = this.#partitions.get(pk);
    if (!sorted) this.#partitions.set(pk, (sorted = []));
    const at = place(sorted, key);
    const before = sorted[at]?.key === key ? sorted[at] : undefined;
    const stored = { key, item, bytes: bytesOf(item) };
    sorted.splice(at, before ? 1 : 0, stored);
    this.bytes += stored.bytes - (before?.bytes ?? 0);
    this.items += before ? 0 : 1;
    return stored;
  }
}

/** Where a key stands or would stand. */
function place(sorted: readonly Stored[], key: string | number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A page of a Query ends when it has read this much. */
const pageBytes = 1_048_576;

export class MemoryTables {
  readonly #tables: ReadonlyMap<string, MemoryTable>;
  /** Called with each item that is put into a table with a stream. */
  readonly #onInsert: (item: Item) => void;

  constructor(schemas: Readonly<Record<string, TableSchema>>, onInsert: (item: Item) => void) {
    this.#tables = new Map(Object.entries(schemas).map(([name, schema]) => [name, new MemoryTable(schema)]));
    this.#onInsert = onInsert;
  }

  /** What is billed as storage: 100 bytes of each item for the indexes that DynamoDB keeps. */
  get storedBytes(): number {
    return [...this.#tables.values()].reduce((sum, { bytes, items }) => sum + bytes + 100 * items, 0);
  }

  /** Throws Refused. `operation` is that of the request's target. */
  answer(operation: string, input: Input): object {
    switch (operation) {
      case 'GetItem':
        return this.#getItem(input);
      case 'Query':
        return this.#query(input);
      case 'BatchGetItem':
        return this.#batchGetItem(input);
      case 'PutItem':
      case 'UpdateItem':
        return this.#writeItem(input);
      case 'TransactWriteItems':
        return this.#transact(input);
      default:
        throw new Error(`the tables in memory know no ${operation}`);
    }
  }

  #table(name: string): MemoryTable {
    const table = this.#tables.get(name);
    if (!table) throw new Refused('ResourceNotFoundException');
    return table;
  }

  #getItem({ TableName, Key }: Input): object {
    const found = this.#table(TableName).get(Key!);
    const consumed = { ConsumedCapacity: { TableName, CapacityUnits: readUnitsOf(found?.bytes ?? 0, true) } };
    return found ? { Item: found.item, ...consumed } : consumed;
  }

  #query(input: Input): object {
    const { TableName, KeyConditionExpression, ExclusiveStartKey, Limit = Number.POSITIVE_INFINITY } = input;
    const table = this.#table(TableName);
    const { partitionKey, sortKey } = table.schema;
    const start = ExclusiveStartKey && comparable(ExclusiveStartKey[sortKey.name]!);
    const items: Item[] = [];
    let bytes = 0;
    let last: Item | undefined;
    for (const stored of table.partition(input.ExpressionAttributeValues![':pk']!.S!)) {
      if (start !== undefined && stored.key <= start) continue;
      if (!holds(KeyConditionExpression, stored.item, input)) continue;
      items.push(stored.item);
      bytes += stored.bytes;
      if (items.length < Limit && bytes < pageBytes) continue;
      last = {
        [partitionKey.name]: stored.item[partitionKey.name]!,
        [sortKey.name]: stored.item[sortKey.name]!,
      };
      break;
    }
    return {
      Items: items,
      Count: items.length,
      ...(last ? { LastEvaluatedKey: last } : {}),
      ConsumedCapacity: { TableName, CapacityUnits: readUnitsOf(bytes, true) },
    };
  }

  #batchGetItem({ RequestItems = {} }: Input): object {
    const responses: Record<string, Item[]> = {};
    const consumed: object[] = [];
    for (const [name, { Keys }] of Object.entries(RequestItems)) {
      const found = Keys.map((key) => this.#table(name).get(key));
      responses[name] = found.flatMap((stored) => (stored ? [stored.item] : []));
      const units = found.reduce((sum, stored) => sum + readUnitsOf(stored?.bytes ?? 0, true), 0);
      consumed.push({ TableName: name, CapacityUnits: units });
    }
    return { Responses: responses, UnprocessedKeys: {}, ConsumedCapacity: consumed };
  }

  #writeItem(input: Write & { ReturnValues?: string }): object {
    const { TableName } = input;
    const before = this.#before(input);
    if (!holds(input.ConditionExpression, before?.item, input)) {
      throw new Refused('ConditionalCheckFailedException', told(input, before));
    }
    const { item, bytes, set } = this.#write(input, before);
    return {
      ...(input.ReturnValues === 'UPDATED_NEW' ? { Attributes: set ?? item } : {}),
      ConsumedCapacity: { TableName, CapacityUnits: writeUnitsOf(Math.max(bytes, before?.bytes ?? 0)) },
    };
  }

  #before({ TableName, Item: item, Key }: Write): Stored | undefined {
    return this.#table(TableName).get(item ?? Key!);
  }

  #write(input: Write, before: Stored | undefined): Stored & { set?: Item } {
    const table = this.#table(input.TableName);
    if (input.UpdateExpression) {
      const set = assigned(input.UpdateExpression, before?.item, input);
      return { ...table.put({ ...(before?.item ?? input.Key), ...set }), set };
    }
    const stored = table.put(input.Item!);
    if (table.schema.stream && !before) this.#onInsert(stored.item);
    return stored;
  }

  #transact({ TransactItems = [] }: Input): object {
    const writes = TransactItems.map(({ Put, Update }) => (Put ?? Update)!);
    const befores = writes.map((write) => this.#before(write));
    const reasons = writes.map((write, i) =>
      holds(write.ConditionExpression, befores[i]?.item, write)
        ? { Code: 'None' }
        : { Code: 'ConditionalCheckFailed', ...told(write, befores[i]) },
    );
    if (reasons.some(({ Code }) => Code !== 'None')) {
      throw new Refused('TransactionCanceledException', { CancellationReasons: reasons });
    }
    const units = new Map<string, number>();
    writes.forEach((write, i) => {
      const { bytes } = this.#write(write, befores[i]);
      const spent = 2 * writeUnitsOf(Math.max(bytes, befores[i]?.bytes ?? 0));
      units.set(write.TableName, (units.get(write.TableName) ?? 0) + spent);
    });
    return {
      ConsumedCapacity: [...units].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits })),
    };
  }
}

const told = (write: Write, before: Stored | undefined): object =>
  write.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && before ? { Item: before.item } : {};
