// The DynamoDB driver as the store contract takes it: on fresh tables, wherever there is a DynamoDB.
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import type { MakeSubject, Subject } from '../contract/subject.ts';
import { makeTables } from './dynamodb-local.ts';

export const dynamoSubject =
  (settings: () => DynamoDBClientConfig): MakeSubject =>
  async ({ now = systemClock.now, limits } = {}) => {
    const client = new DynamoDBClient(settings());
    const tables = await makeTables(client);
    const ports = { clock: { now, after: systemClock.after }, ids: randomIds, log: () => {} };
    const open = () => openDynamoStore({ client, ...tables, ports, limits });
    let store = open();
    const subject: Subject = {
      store,
      expire: () => store.tidyUp(),
      async reopen() {
        await store.close();
        store = open();
        return store;
      },
      async dispose() {
        await store.close();
        client.destroy();
      },
      countsRemaining: false,
    };
    return subject;
  };
