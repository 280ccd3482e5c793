// The driver of a function's store: the stack's two DynamoDB tables.
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { environment } from '../../aws/names.ts';
import type { StoreFactory } from './compose.ts';
import { required } from './settings.ts';

export const openStore: StoreFactory = async (clients, ports) =>
  openDynamoStore({
    client: await clients.dynamo(),
    objectsTable: required(process.env, environment.objectsTable),
    changesTable: required(process.env, environment.changesTable),
    ports,
  });
