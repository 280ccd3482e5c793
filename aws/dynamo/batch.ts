// Many items by their keys, whatever number a call takes and however many of them it leaves undone.

import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import { CallFailed } from './failures.ts';
import type { Item } from './items.ts';
import { send } from './send.ts';

/** BatchGetItem takes no more. */
const mostKeys = 100;
/** Calls in a row that brought nothing. DynamoDB leaves keys undone when it throttles; the SDK does not see that. */
const mostIdle = 4;

/** The items that are there, in no order, strongly consistent. Keys must differ from each other. Throws CallFailed. */
export async function batchGet(client: DynamoDBClient, table: string, keys: readonly Item[]): Promise<Item[]> {
  const items: Item[] = [];
  let wanted = [...keys];
  let idle = 0;
  while (wanted.length > 0) {
    const asked = wanted.splice(0, mostKeys);
    const { Responses, UnprocessedKeys } = await send(
      client,
      new BatchGetItemCommand({ RequestItems: { [table]: { Keys: asked, ConsistentRead: true } } }),
    );
    const found = Responses?.[table] ?? [];
    const undone = UnprocessedKeys?.[table]?.Keys ?? [];
    items.push(...found);
    wanted = [...undone, ...wanted];
    if (undone.length < asked.length) idle = 0;
    else if (++idle === mostIdle) throw new CallFailed({ name: 'ThrottlingException' }, false);
    else await sleep(25 * 2 ** idle);
  }
  return items;
}
