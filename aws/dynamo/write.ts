// The operations that write. Each is one conditional call, so that doing it twice does no harm; the SDK's own retries may.
// Transactions: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
import type { PutItemCommandInput, TransactWriteItem, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { firstRevision } from '../../core/store/change-log.ts';
import type { Op, Row } from '../../core/store/protocol/ops.ts';
import type { Resource, Revision } from '../../core/store/store.ts';
import { CallFailed } from './failures.ts';
import type { Item } from './items.ts';
import { keyItem, number, rowItem, rowOf } from './items.ts';
import { changePartition, counterKey, segmentOf } from './keys.ts';
import type { Tables } from './read.ts';
import { openRows } from './read.ts';
import { send } from './send.ts';

type OpOf<D extends Op['do']> = Extract<Op, { do: D }>;

/** What stood in the way of a conditional call ('nothing' or an item), or undefined: it was done. */
async function refusal(call: Promise<unknown>): Promise<Item | 'nothing' | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const cause = error instanceof CallFailed ? (error.cause as { name?: string; Item?: Item }) : undefined;
    if (cause?.name !== 'ConditionalCheckFailedException') throw error;
    return cause.Item ?? 'nothing';
  }
}

/**
 * If an attempt of the SDK's was done without an answer, the next one takes another revision: a gap, which readers seal. Nobody
 * else can hold what is answered.
 */
export async function take(tables: Tables, { resource, at, ifTaken }: OpOf<'take'>): Promise<Revision | undefined> {
  const condition =
    ifTaken === undefined ? {} : { ConditionExpression: ifTaken === firstRevision ? untouched : 'taken = :ifTaken' };
  const values = {
    ':first': number(firstRevision),
    ':one': number(1),
    ':at': number(at),
    ...(ifTaken === undefined || ifTaken === firstRevision ? {} : { ':ifTaken': number(ifTaken) }),
  };
  let taken: Revision | undefined;
  await refusal(
    send(
      tables.client,
      new UpdateItemCommand({
        ...counterUpdate(tables, resource),
        ...condition,
        UpdateExpression:
          'SET taken = if_not_exists(taken, :first) + :one, sealed = if_not_exists(sealed, :first), ' +
          'sealedAt = if_not_exists(sealedAt, :at)',
        ExpressionAttributeValues: values,
        ReturnValues: 'UPDATED_NEW',
      }),
    ).then(({ Attributes }) => (taken = Number(Attributes?.['taken']?.N))),
  );
  return taken;
}

const untouched = 'attribute_not_exists(taken)';

const counterUpdate = ({ objectsTable }: Tables, resource: Resource): UpdateItemCommandInput => ({
  TableName: objectsTable,
  Key: keyItem(counterKey(resource)),
});

export async function raiseFloor(tables: Tables, { resource, floor }: OpOf<'raiseFloor'>): Promise<void> {
  const update: UpdateItemCommandInput = {
    ...counterUpdate(tables, resource),
    UpdateExpression: 'SET floor = :floor',
    ConditionExpression: 'attribute_exists(taken) AND (attribute_not_exists(floor) OR floor < :floor)',
    ExpressionAttributeValues: { ':floor': number(floor) },
  };
  await refusal(send(tables.client, new UpdateItemCommand(update)));
}

export async function mark(tables: Tables, { resource, sealed, at }: OpOf<'mark'>): Promise<void> {
  const update: UpdateItemCommandInput = {
    ...counterUpdate(tables, resource),
    UpdateExpression: 'SET sealed = :sealed, sealedAt = :at',
    ConditionExpression: 'sealed <= :sealed',
    ExpressionAttributeValues: { ':sealed': number(sealed), ':at': number(at) },
  };
  await refusal(send(tables.client, new UpdateItemCommand(update)));
}

export async function voidRow(tables: Tables, op: OpOf<'void'>, keptMs: number): Promise<Row> {
  const row: Row = { kind: 'void', revision: op.revision, at: op.at };
  const put: PutItemCommandInput = {
    ...newRow(tables, rowItem(changePartition(op.resource, segmentOf(op.revision)), row, keptMs)),
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  };
  const standing = await refusal(send(tables.client, new PutItemCommand(put)));
  if (standing === undefined) return row;
  if (standing === 'nothing') throw new Error('a row stood in the way and was not told');
  const [there] = await openRows(tables, op.resource, [rowOf(standing)]);
  return there!;
}

/** Puts a row where none is. */
export const newRow = ({ changesTable }: Tables, item: Item): NonNullable<TransactWriteItem['Put']> => ({
  TableName: changesTable,
  Item: item,
  ConditionExpression: 'attribute_not_exists(pk)',
});
