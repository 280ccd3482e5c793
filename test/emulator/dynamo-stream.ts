// Reads the stream of a change table by DynamoDB Streams' own protocol: JSON over HTTP, signed. There is no client for it among the
// packages.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
import { setTimeout as sleep } from 'node:timers/promises';
import { Sha256 } from '@aws-crypto/sha256-js';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { SignatureV4 } from '@smithy/signature-v4';
import type { StreamRecord } from '../../aws/dynamo/stream.ts';
import type { Lab } from './dynamo-lab.ts';

interface Shards {
  StreamDescription: { Shards: { ShardId: string }[] };
}
interface Records {
  Records: StreamRecord[];
  NextShardIterator?: string;
}

/** The first `count` records and what came with them, from the beginning of the stream. */
export async function readStream({ client, settings, tables }: Lab, count: number): Promise<StreamRecord[]> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: tables.changesTable }));
  const StreamArn = Table!.LatestStreamArn;
  const call = caller(settings as Settings);
  const { StreamDescription } = await call<Shards>('DescribeStream', { StreamArn });
  const records: StreamRecord[] = [];
  for (const { ShardId } of StreamDescription.Shards) {
    const type = { StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
    let { ShardIterator } = await call<{ ShardIterator?: string }>('GetShardIterator', type);
    while (ShardIterator && records.length < count) {
      const page: Records = await call('GetRecords', { ShardIterator });
      records.push(...page.Records);
      ShardIterator = page.NextShardIterator;
      if (page.Records.length === 0) await sleep(50);
    }
  }
  return records;
}

interface Settings {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

function caller({ endpoint, region, credentials }: Settings) {
  const signer = new SignatureV4({ service: 'dynamodb', region, credentials, sha256: Sha256 });
  const { hostname, port } = new URL(endpoint);
  return async <T>(operation: string, input: object): Promise<T> => {
    const body = JSON.stringify(input);
    const { headers } = await signer.sign({
      method: 'POST',
      protocol: 'http:',
      hostname,
      port: Number(port),
      path: '/',
      headers: {
        host: `${hostname}:${port}`,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
      },
      body,
    });
    const response = await fetch(endpoint, { method: 'POST', headers, body });
    if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
}
