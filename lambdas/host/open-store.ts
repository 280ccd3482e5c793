// The driver of a function's store: the stack's two DynamoDB tables. Loaded by those who open it: tests hand in another store.
import { environment } from '../../aws/names.ts';
import type { StoreFactory } from './compose.ts';
import { required } from './settings.ts';

export const openStore: StoreFactory = async (clients, ports) => {
  const { openDynamoStore } = await import('../../aws/dynamo/store.ts');
  return openDynamoStore({
    client: await clients.dynamo(),
    objectsTable: required(process.env, environment.objectsTable),
    changesTable: required(process.env, environment.changesTable),
    ports,
  });
};
