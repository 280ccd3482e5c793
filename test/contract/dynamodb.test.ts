// The store contract on DynamoDB Local. A fresh access key is a database of its own: DynamoDB Local looks through the stream
// records of every table of a database at each write, so one for all stories would become slow.
import { after, before } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import type { DynamoDbLocal } from '../emulator/dynamodb-local.ts';
import { makeTables, startDynamoDbLocal } from '../emulator/dynamodb-local.ts';
import { storeContract } from './store.ts';
import type { Subject, SubjectOptions } from './subject.ts';

let server: DynamoDbLocal;
before(async () => {
  server = await startDynamoDbLocal();
});
after(() => server.stop());

async function dynamoSubject({ now = systemClock.now, limits }: SubjectOptions = {}) {
  const client = new DynamoDBClient(server.settings());
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
}

storeContract('DynamoDB', dynamoSubject);
