// The tables in memory with which `npm run bench:cost` counts say the same units as DynamoDB, call for call.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { AwsPlugin } from '../../aws/core-clients.ts';
import { coreClients } from '../../aws/core-clients.ts';
import { Meter } from '../../aws/cost/meter.ts';
import { meterPlugin } from '../../aws/cost/plugin.ts';
import { typicalObjects } from '../../aws/dynamo/fixture/objects.ts';
import { changesSchema, objectsSchema } from '../../aws/dynamo/schema.ts';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { servicesPlugin } from '../../bench/cost/aws.ts';
import { Processor } from '../../bench/cost/processor.ts';
import { MemoryTables } from '../../bench/cost/tables.ts';
import { SimulatedTime } from '../../bench/cost/time.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import { keyOf } from '../../core/api/objects.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { makeTables, startDynamoDbLocal } from './dynamodb-local.ts';

type Use = (client: DynamoDBClient, plugin: AwsPlugin) => void;
const use: Use = (client, plugin) => (client.middlewareStack as { use(plugin: AwsPlugin): void }).use(plugin);

/** Writes, refusals, reads, a large object, a pod that changes its node, lists and the log. What each step consumed. */
async function story(client: DynamoDBClient, tables: { objectsTable: string; changesTable: string }) {
  const meter = new Meter();
  use(client, meterPlugin(meter));
  const ports = { clock: systemClock, ids: randomIds, log: () => {} };
  const store = openDynamoStore({ client, ...tables, ports });
  const { pod, deployment, lease } = typicalObjects();
  const put = async (resource: string, object: KubeObject, expected: number | 'absent' = 'absent') => {
    const result = await store.commit({ op: 'put', resource, key: keyOf(object), object, expected });
    return result.ok ? result.revision : -1;
  };
  const large = { ...deployment, metadata: { ...deployment.metadata, name: 'large' }, data: noise(300_000) };
  meter.cause = 'create';
  const first = await put('deployments.apps', deployment);
  meter.cause = 'refused';
  assert.equal(await put('deployments.apps', deployment), -1);
  meter.cause = 'update';
  await put('deployments.apps', { ...deployment, status: {} }, first);
  meter.cause = 'lease';
  const renewed = await put('leases.coordination.k8s.io', lease);
  await put('leases.coordination.k8s.io', { ...lease, spec: {} }, renewed);
  meter.cause = 'pods';
  for (let i = 0; i < 12; i++) {
    const bound = { ...pod, metadata: { ...pod.metadata, name: `p${i}` } };
    const { nodeName: _none, ...spec } = pod['spec'] as { nodeName: string };
    await put('pods', bound, await put('pods', { ...bound, spec }));
  }
  meter.cause = 'large';
  await put('deployments.apps', { ...large, data: noise(400_000) }, await put('deployments.apps', large));
  meter.cause = 'reads';
  await store.list('pods');
  await store.list('pods', { index: { name: 'node', value: (pod['spec'] as { nodeName: string }).nodeName } });
  await store.list('deployments.apps', { namespace: 'shop' });
  await store.get('deployments.apps', keyOf(large));
  await store.changesSince('pods', 1);
  await Promise.all(['pods', 'nodes', 'services'].map((resource) => store.head(resource)));
  meter.cause = 'tidying';
  await store.tidyUp();
  await store.close();
  return meter
    .counts()
    .filter(({ quantity }) => ['requests', 'readUnits', 'writeUnits'].includes(quantity))
    .map(({ cause, operation, quantity, amount }) => `${cause}: ${amount} ${quantity} of ${operation}`)
    .sort();
}

/** The same each time, and not to be compressed. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return String.fromCharCode(33 + ((state >>> 16) % 90));
  }).join('');
}

test('tables in memory consume what DynamoDB consumes', async () => {
  const server = await startDynamoDbLocal();
  try {
    const client = new DynamoDBClient(server.settings());
    const real = await story(client, await makeTables(client));
    client.destroy();

    const memory = coreClients({ region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
    const time = new SimulatedTime(0);
    time.sleep = async () => {};
    memory.use(
      servicesPlugin({
        time,
        processor: new Processor(),
        tables: new MemoryTables({ objects: objectsSchema, changes: changesSchema }, () => {}),
        latencies: { read: 0, write: 0, transaction: 0, other: 0 },
        parameters: new Map(),
        invoke: () => {},
        reserve: () => {},
        message: () => {},
      }),
    );
    const counted = await story(await memory.dynamo(), { objectsTable: 'objects', changesTable: 'changes' });
    assert.ok(real.length > 20);
    // DynamoDB Local adds the items of a table in one transaction up before it rounds; DynamoDB rounds each, and so is counted.
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    const isRoundedTogether = (line: string): boolean => /^pods: \d+ writeUnits of TransactWriteItems$/.test(line);
    assert.deepEqual(real.filter(isRoundedTogether), ['pods: 96 writeUnits of TransactWriteItems']);
    assert.deepEqual(counted.filter(isRoundedTogether), ['pods: 120 writeUnits of TransactWriteItems']);
    const others = (lines: string[]): string[] => lines.filter((line) => !isRoundedTogether(line));
    assert.deepEqual(others(counted), others(real));
  } finally {
    await server.stop();
  }
});
