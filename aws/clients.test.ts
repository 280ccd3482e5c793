import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { awsClients } from './clients.ts';
import type { AwsPlugin } from './core-clients.ts';

const credentials = { accessKeyId: 'AKID', secretAccessKey: 'secret' };

test('a client is made once, at its first use', async () => {
  const clients = awsClients({ region: 'eu-west-1', credentials });
  assert.equal(await clients.ssm(), await clients.ssm());
  assert.equal(await (await clients.dynamo()).config.region(), 'eu-west-1');
  assert.equal(await (await clients.ecr()).config.maxAttempts(), 3);
});

test('a plugin sees the requests of clients that were made before and after it was added', async () => {
  const server = createServer((_request, response) => void response.end('{"Parameter":{"Name":"a","Value":"b"}}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = awsClients({ region: 'eu-west-1', credentials, endpoint });
  const seen: string[] = [];
  const plugin = (name: string): AwsPlugin => ({
    applyToStack: (stack) =>
      stack.add(
        (next, context) => (args) => {
          seen.push(`${name} ${context['commandName']}`);
          return next(args);
        },
        { step: 'initialize' },
      ),
  });
  clients.use(plugin('before'));
  const ssm = await clients.ssm();
  clients.use(plugin('after'));
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: 'a' }));
  assert.equal(Parameter?.Value, 'b');
  assert.deepEqual(seen.sort(), ['after GetParameterCommand', 'before GetParameterCommand']);
  server.close();
  server.closeAllConnections();
});
