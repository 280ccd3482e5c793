// Counts become units, and units money, as the documented rules say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreClients } from '../core-clients.ts';
import { costByCause, monthlyBill, monthMs } from './bill.ts';
import { itemBytes, readUnitsOf, unitsOf, unitsOfFailure, writeUnitsOf } from './capacity.ts';
import { type Count, Meter } from './meter.ts';
import { meterPlugin } from './plugin.ts';
import { type Price, prices } from './prices.ts';

test('an item is as large as its names and values', () => {
  assert.equal(itemBytes({ pk: { S: 'é' } }), 2 + 2);
  assert.equal(itemBytes({ n: { N: '12345' } }), 1 + 4);
  assert.equal(itemBytes({ n: { N: '-1000' } }), 1 + 3);
  assert.equal(itemBytes({ b: { B: new Uint8Array(300) } }), 1 + 300);
  assert.equal(itemBytes({ l: { L: [{ BOOL: true }, { S: 'ab' }] } }), 1 + 3 + 2 + 3);
});

test('writes are rounded up to 1 KB, reads to 4 KB', () => {
  assert.deepEqual([0, 1, 1_024, 1_025].map(writeUnitsOf), [1, 1, 1, 2]);
  assert.deepEqual(
    [0, 4_096, 4_097].map((bytes) => readUnitsOf(bytes, true)),
    [1, 1, 2],
  );
  assert.equal(readUnitsOf(4_097, false), 1);
});

const item = (bytes: number) => ({ pk: { S: 'k'.repeat(10) }, b: { B: new Uint8Array(bytes) } });

test('what an answer says was consumed counts; otherwise sizes do', () => {
  assert.deepEqual(unitsOf('GetItem', {}, { ConsumedCapacity: { CapacityUnits: 7 } }), { read: 7, write: 0 });
  const told = { ConsumedCapacity: [{ CapacityUnits: 4 }, { CapacityUnits: 2 }] };
  assert.deepEqual(unitsOf('TransactWriteItems', {}, told), { read: 0, write: 6 });
  assert.deepEqual(unitsOf('GetItem', { ConsistentRead: true }, {}), { read: 1, write: 0 });
  assert.deepEqual(unitsOf('GetItem', {}, { Item: item(5_000) }), { read: 1, write: 0 });
  // A Query rounds what it read in all, a batch each item.
  const items = [item(3_000), item(3_000), item(3_000)];
  assert.deepEqual(unitsOf('Query', { ConsistentRead: true }, { Items: items }), { read: 3, write: 0 });
  const batch = { RequestItems: { t: { ConsistentRead: true } } };
  assert.deepEqual(unitsOf('BatchGetItem', batch, { Responses: { t: [item(5_000), item(10)] } }), {
    read: 3,
    write: 0,
  });
  assert.deepEqual(unitsOf('PutItem', { Item: item(2_000) }, {}), { read: 0, write: 2 });
  const transaction = { TransactItems: [{ Put: { Item: item(10) } }, { Update: { Key: item(1_100) } }] };
  assert.deepEqual(unitsOf('TransactWriteItems', transaction, {}), { read: 0, write: 2 * (1 + 2) });
});

test('a condition that does not hold is paid for, a throttled request is not', () => {
  const named = (name: string) => Object.assign(new Error(name), { name });
  assert.equal(unitsOfFailure({ Item: item(1_500) }, named('ConditionalCheckFailedException')).write, 2);
  assert.equal(unitsOfFailure({ Item: item(1_500) }, named('ProvisionedThroughputExceededException')).write, 0);
});

test('the plugin counts each request of every client, for what it is done', async () => {
  const clients = coreClients({ region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
  const meter = new Meter('first');
  clients.use(meterPlugin(meter));
  const asked: unknown[] = [];
  clients.use({
    applyToStack: (stack) =>
      stack.add(
        (_next, context) => async (args) => {
          const { body } = (args as unknown as { request: { body: Uint8Array } }).request;
          asked.push(JSON.parse(new TextDecoder().decode(body)));
          const isTable = (context as { clientName?: string }).clientName === 'DynamoDBClient';
          const answer = isTable
            ? { ConsumedCapacity: { CapacityUnits: 3 } }
            : {
                Parameters: [
                  { Name: 'a', Type: 'SecureString', Value: 'v' },
                  { Name: 'b', Type: 'String', Value: 'v' },
                ],
              };
          const text = Buffer.from(JSON.stringify(answer));
          return {
            response: { statusCode: 200, headers: { 'content-length': `${text.length}` }, body: text },
          } as never;
        },
        { step: 'deserialize', priority: 'low', name: 'answers' },
      ),
  });
  const { GetItemCommand } = await import('@aws-sdk/client-dynamodb');
  const { GetParametersByPathCommand } = await import('@aws-sdk/client-ssm');
  await (await clients.dynamo()).send(new GetItemCommand({ TableName: 't', Key: { pk: { S: 'a' } } }));
  meter.cause = 'second';
  await (await clients.ssm()).send(new GetParametersByPathCommand({ Path: '/a', WithDecryption: true }));
  const amounts = Object.fromEntries(
    meter
      .take()
      .map(({ cause, service, operation, quantity, amount }) => [
        `${cause} ${service} ${operation} ${quantity}`,
        amount,
      ]),
  );
  assert.equal((asked[0] as { ReturnConsumedCapacity?: string }).ReturnConsumedCapacity, 'TOTAL');
  assert.equal(amounts['first dynamodb GetItem requests'], 1);
  assert.equal(amounts['first dynamodb GetItem readUnits'], 3);
  assert.equal(amounts['first dynamodb GetItem bytesIn'], JSON.stringify(asked[0]).length);
  assert.equal(amounts['second ssm GetParametersByPath requests'], 1);
  assert.equal(amounts['second kms Decrypt requests'], 1);
  assert.deepEqual(meter.counts(), []);
});

const testPrices: Price[] = [
  { service: 'lambda', quantity: 'requests', what: 'invocations', usd: 2, per: 100, free: 1_000, source: '' },
  { service: 'dynamodb', operation: 'storage', quantity: 'byteMs', what: 'stored', usd: 3, per: monthMs, source: '' },
];
const count = (
  service: string,
  operation: string,
  quantity: Count['quantity'],
  amount: number,
  cause = 'x',
): Count => ({
  cause,
  service,
  operation,
  quantity,
  amount,
});

test('a day is multiplied to a month; what is free is a column of its own; what has no price costs nothing', () => {
  const day = monthMs / 30;
  const counts = [
    count('lambda', 'api', 'requests', 40),
    count('lambda', 'tick', 'requests', 10, 'y'),
    count('lambda', 'api', 'ms', 9_999),
    count('dynamodb', 'storage', 'byteMs', 2 * day),
  ];
  const bill = monthlyBill(counts, day, testPrices);
  assert.deepEqual(
    bill.lines.map(({ what, amount, usd, usdWithFree }) =>
      [what, amount, usd, usdWithFree].map((v) => (typeof v === 'number' ? Math.round(v * 1e6) / 1e6 : v)),
    ),
    [
      ['invocations', 1_500, 30, 10],
      ['stored', 2 * monthMs, 6, 6],
    ],
  );
  assert.equal(Math.round(bill.usd), 36);
  assert.equal(Math.round(bill.usdWithFree), 16);
  assert.deepEqual(
    [...costByCause(counts, testPrices)].map(([cause, usd]) => [cause, Math.round(usd * 100) / 100]),
    [
      ['x', 1],
      ['y', 0.2],
    ],
  );
});

test('every price names the page that it is from, and no two are for the same', () => {
  const of = prices.map(({ service, operation = '', quantity }) => `${service} ${operation} ${quantity}`);
  assert.equal(new Set(of).size, of.length);
  for (const { source, usd, per } of prices) {
    assert.match(source, /^https:\/\/aws\.amazon\.com\//);
    assert.ok(usd > 0 && per > 0);
  }
});
