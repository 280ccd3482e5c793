// The store contract on DynamoDB Local. A fresh access key is a database of its own: DynamoDB Local looks through the stream
// records of every table of a database at each write, so one for all stories would become slow.
import { after, before } from 'node:test';
import { dynamoSubject } from '../emulator/dynamo-subject.ts';
import type { DynamoDbLocal } from '../emulator/dynamodb-local.ts';
import { startDynamoDbLocal } from '../emulator/dynamodb-local.ts';
import { storeContract } from './store.ts';

let server: DynamoDbLocal;
before(async () => {
  server = await startDynamoDbLocal();
});
after(() => server.stop());

storeContract(
  'DynamoDB',
  dynamoSubject(() => server.settings()),
);
