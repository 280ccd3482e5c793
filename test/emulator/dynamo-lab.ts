// Tables of a test's own on DynamoDB Local, stores on them, and what stands between: a meter of capacity units, and faults.
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoStore, DynamoStoreOptions } from '../../aws/dynamo/store.ts';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import type { DynamoDbLocal } from './dynamodb-local.ts';
import { makeTables } from './dynamodb-local.ts';

/** What happens to a request on its way. */
export type Fault = 'none' | 'throttled' | 'refused' | 'lost before' | 'lost after' | 'broken';

export interface Lab {
  client: DynamoDBClient;
  settings: DynamoDBClientConfig;
  tables: { objectsTable: string; changesTable: string };
  open(limits?: DynamoStoreOptions['limits']): DynamoStore;
  /** Asked before each attempt of each request; names of operations are the API's ("GetItem"). */
  fault: (operation: string) => Fault;
  /** Capacity units, requests and items of transactions since the last call. */
  spent(): { read: number; write: number; items: number; requests: string[] };
  close(): Promise<void>;
}

export async function openLab(server: DynamoDbLocal, config: DynamoDBClientConfig = {}): Promise<Lab> {
  const settings = { ...server.settings(), ...config };
  const maker = new DynamoDBClient(settings);
  const tables = await makeTables(maker);
  maker.destroy();
  const client = new DynamoDBClient(settings);
  const stores: DynamoStore[] = [];
  const lab: Lab = {
    client,
    settings,
    tables,
    open(limits) {
      const ports = { clock: systemClock, ids: randomIds, log: () => {} };
      const store = openDynamoStore({ client, ...tables, ports, limits });
      stores.push(store);
      return store;
    },
    fault: () => 'none',
    spent: meter(client),
    async close() {
      for (const store of stores) await store.close();
      client.destroy();
    },
  };
  injectFaults(client, (operation) => lab.fault(operation));
  return lab;
}

interface Consumed {
  TableName?: string;
  CapacityUnits?: number;
}

/** Has every request tell what it consumed: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html */
function meter(client: DynamoDBClient): Lab['spent'] {
  let read = 0;
  let write = 0;
  let items = 0;
  let requests: string[] = [];
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const input = { ...args.input, ReturnConsumedCapacity: 'TOTAL' } as typeof args.input;
        const result = await next({ ...args, input });
        const { ConsumedCapacity: told } = result.output as { ConsumedCapacity?: Consumed | Consumed[] };
        const units = [told ?? []].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        items += (input as { TransactItems?: unknown[] }).TransactItems?.length ?? 0;
        requests.push(commandName.replace('Command', ''));
        if (/^(Get|BatchGet|Query)/.test(commandName)) read += units;
        else write += units;
        return result;
      },
    { step: 'initialize', name: 'meter' },
  );
  return () => {
    const spent = { read, write, items, requests };
    read = write = items = 0;
    requests = [];
    return spent;
  };
}

const answer = (status: number, name: string): Error =>
  Object.assign(new Error('injected'), { name, $metadata: { httpStatusCode: status } });
const reset = (): Error => Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });

/** Where the SDK hands a request to the network, within its retries. */
function injectFaults(client: DynamoDBClient, faultOf: (operation: string) => Fault): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        switch (faultOf(commandName.replace('Command', ''))) {
          case 'throttled':
            throw answer(400, 'ProvisionedThroughputExceededException');
          case 'refused':
            throw Object.assign(reset(), { code: 'ECONNREFUSED' });
          case 'lost before':
            throw reset();
          case 'lost after':
            await next(args);
            throw reset();
          case 'broken':
            throw answer(500, 'InternalServerError');
          case 'none':
            return await next(args);
        }
      },
    { step: 'deserialize', priority: 'low', name: 'faults' },
  );
}
