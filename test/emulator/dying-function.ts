// A process that serves one request over the tables and dies on the way, as a function does whose machine fails: SIGKILL, at a
// moment of its writes that the test chooses. Its answer, if it lives so long, goes to standard output.
import { writeSync } from 'node:fs';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { openDynamoStore } from '../../aws/dynamo/store.ts';
import { randomIds, systemClock } from '../../host/ports.ts';
import { composeOver } from '../simulation/functions/control-plane.ts';

export interface DyingRequest {
  settings: DynamoDBClientConfig;
  tables: { objectsTable: string; changesTable: string };
  /** Of DynamoDB's API: the first call of it is where the process dies, before it is sent or after it was answered. */
  operation: string;
  moment: 'before' | 'after';
  method: string;
  path: string;
  body: object;
}

async function serve({ settings, tables, operation, moment, method, path, body }: DyingRequest): Promise<void> {
  const client = new DynamoDBClient({ ...settings, maxAttempts: 1 });
  const die = async (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL');
    return await new Promise<never>(() => undefined);
  };
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const isIt = commandName === `${operation}Command`;
        if (isIt && moment === 'before') await die();
        const result = await next(args);
        if (isIt) await die();
        return result;
      },
    { step: 'deserialize', priority: 'low', name: 'death' },
  );
  const ports = { clock: systemClock, ids: randomIds, log: () => undefined };
  const store = openDynamoStore({ client, ...tables, ports });
  const { clientOf } = await composeOver({ ...ports, store });
  const headers = { 'content-type': 'application/json' };
  const { status } = await clientOf('user').raw(path, { method, headers, body: JSON.stringify(body) });
  writeSync(1, String(status));
  await store.close();
}

await serve(JSON.parse(process.argv[2]!) as DyingRequest);
