// A record of the change log that no function can read: it ends among the dead letters, and the functions go on behind it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesSchema, wakingAttribute } from '../../../aws/dynamo/schema.ts';
import { eventually } from '../../e2e/cluster.ts';
import type { EmulatedCluster } from '../../emulator/cluster.ts';
import { skipFor, type Tale } from '../tale.ts';

/** As a version of tomorrow might write one; in a partition that no reader of the log looks at. */
const poison = {
  [changesSchema.partitionKey.name]: { S: 'poison' },
  [changesSchema.sortKey.name]: { N: '1' },
  [wakingAttribute]: { N: '1' },
};

interface Letter {
  requestContext: { functionArn: string; condition: string };
  DDBStreamBatchInfo: { batchSize: number; streamArn: string };
}

export function ofDeadLetters(tale: Tale): void {
  const needsDestination = skipFor(
    tale.story.hasDeadLetters
      ? undefined
      : 'it takes a partial batch response for a success (what the function answers is in lambdas/host/reacting-function.test.ts)',
  );
  test(
    'a record that cannot be read ends among the dead letters, and those behind it are worked off',
    needsDestination,
    async () => {
      const { cluster } = tale;
      const table = cluster.resource('TablesChanges');
      assert.equal(await waiting(cluster), 0);
      await cluster.aws('DynamoDB_20120810.PutItem', { TableName: table, Item: poison });
      await cluster.kubectlOk('create', 'deployment', 'behind', '--image=slipway/sample:1', '--replicas=0');

      // What the alarm looks at: ApproximateNumberOfMessagesVisible is this attribute of the queue.
      await eventually('both functions gave it up', async () => (await waiting(cluster)) === 2, 300_000);
      const letters = await take(cluster, 2);
      const functions = ['Functionscontrollers', 'Functionsscheduler'].map((name) =>
        cluster.resource(`${name}Function`),
      );
      assert.deepEqual(
        letters.map(({ requestContext }) => requestContext.functionArn.split(':')[6]).sort(),
        functions.sort(),
      );
      for (const { requestContext, DDBStreamBatchInfo } of letters) {
        assert.equal(requestContext.condition, 'RetryAttemptsExhausted');
        assert.match(DDBStreamBatchInfo.streamArn, new RegExp(`table/${table}/stream/`));
      }

      await eventually('the deployment has its replica set', async () =>
        (await cluster.kubectlOk('get', 'replicasets', '-l', 'app=behind', '-o', 'name')).startsWith('replicaset'),
      );
      await cluster.kubectlOk('delete', 'deployment', 'behind');
      const Key = Object.fromEntries(Object.entries(poison).filter(([name]) => name !== wakingAttribute));
      await cluster.aws('DynamoDB_20120810.DeleteItem', { TableName: table, Key });
    },
  );
}

const queueOf = (cluster: EmulatedCluster): { QueueUrl: string } => ({
  QueueUrl: cluster.resource('WakeUpsDeadLetters'),
});

async function waiting(cluster: EmulatedCluster): Promise<number> {
  const AttributeNames = ['ApproximateNumberOfMessages'];
  const { Attributes } = await cluster.aws<{ Attributes: Record<string, string> }>('AmazonSQS.GetQueueAttributes', {
    ...queueOf(cluster),
    AttributeNames,
  });
  return Number(Attributes['ApproximateNumberOfMessages']);
}

async function take(cluster: EmulatedCluster, count: number): Promise<Letter[]> {
  const letters: Letter[] = [];
  while (letters.length < count) {
    const { Messages = [] } = await cluster.aws<{ Messages?: { Body: string; ReceiptHandle: string }[] }>(
      'AmazonSQS.ReceiveMessage',
      { ...queueOf(cluster), MaxNumberOfMessages: 10, WaitTimeSeconds: 1 },
    );
    for (const { Body, ReceiptHandle } of Messages) {
      letters.push(JSON.parse(Body) as Letter);
      await cluster.aws('AmazonSQS.DeleteMessage', { ...queueOf(cluster), ReceiptHandle });
    }
  }
  return letters;
}
