// The driver of a function's store: the stack's two DynamoDB tables.
import { environment } from '../../aws/names.ts';
import { StatusError } from '../../core/api/errors.ts';
import type { StoreFactory } from './compose.ts';

export const openStore: StoreFactory = async () => {
  throw new StatusError('ServiceUnavailable', `no driver for the tables of ${environment.objectsTable}`);
};
