// What a worker reads of its cluster: parameters by name, the bundle by its checksum.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SSMClient } from '@aws-sdk/client-ssm';
import { fetchObject, objectUrl } from './s3-object.ts';
import { bundleLocation, parseBundleLocation, workerParameters } from './worker-parameters.ts';

const credentials = { accessKeyId: 'A', secretAccessKey: 'S' };
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

async function serving(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  act: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, response, body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test('parameters are asked for by name, and one that is missing is named', async () => {
  const held: Record<string, string> = {
    '/slipway/shop/api-url': 'https://api/prod/',
    '/slipway/shop/agent-bundle': `1.0.0-abc s3://assets/a/b.cjs ${hash('x')}`,
  };
  const asked: string[][] = [];
  await serving(
    (_request, response, body) => {
      const { Names } = JSON.parse(body) as { Names: string[] };
      asked.push(Names);
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      response.end(
        JSON.stringify({ Parameters: Names.filter((name) => held[name]).map((Name) => ({ Name, Value: held[Name] })) }),
      );
    },
    async (endpoint) => {
      const client = new SSMClient({ region: 'eu-central-1', endpoint, credentials });
      await assert.rejects(
        workerParameters('eu-central-1', '/slipway/shop', client),
        /parameter \/slipway\/shop\/ca is missing/,
      );
      held['/slipway/shop/ca'] = 'PEM';
      const found = await workerParameters('eu-central-1', '/slipway/shop', client);
      assert.deepEqual(found, { apiUrl: 'https://api/prod', ca: 'PEM' });
      const { version, bucket, key } = await bundleLocation('eu-central-1', '/slipway/shop', client);
      assert.deepEqual([version, bucket, key], ['1.0.0-abc', 'assets', 'a/b.cjs']);
      assert.deepEqual(asked.at(-1), ['/slipway/shop/agent-bundle']);
      client.destroy();
    },
  );
});

test('a line that names no bundle is refused', () => {
  for (const line of ['', '1.0.0', `../x s3://b/k ${hash('')}`, `1 https://b/k ${hash('')}`, '1 s3://b/k abc'])
    assert.throws(() => parseBundleLocation(line), /does not say where a bundle is/, line);
});

test('an object comes signed, and only with the content that was promised', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-s3-'));
  const signed: unknown[] = [];
  try {
    await serving(
      ({ headers, url }, response) => {
        signed.push([url, headers.authorization?.replace(/\/\d{8}\/.*/, '')]);
        response.statusCode = url?.endsWith('none') ? 404 : 200;
        response.end(url?.endsWith('none') ? '<Error><Message>no such key</Message></Error>' : 'content');
      },
      async (endpoint) => {
        const file = join(folder, 'bundle');
        const request = { region: 'eu-central-1', bucket: 'assets', key: 'a b/c', credentials, endpoint };
        await fetchObject({ ...request, sha256: hash('content') }, file);
        assert.equal(readFileSync(file, 'utf8'), 'content');
        await assert.rejects(fetchObject({ ...request, sha256: hash('other') }, file), /is not what it should be/);
        await assert.rejects(fetchObject({ ...request, key: 'none', sha256: '' }, file), /404 no such key/);
        assert.deepEqual(signed[0], ['/assets/a%20b/c', 'AWS4-HMAC-SHA256 Credential=A']);
      },
    );
    const at = { bucket: 'assets', key: 'k' };
    assert.equal(objectUrl({ ...at, region: 'eu-central-1' }).href, 'https://assets.s3.eu-central-1.amazonaws.com/k');
    assert.equal(objectUrl({ ...at, region: 'cn-north-1' }).host, 'assets.s3.cn-north-1.amazonaws.com.cn');
    assert.equal(objectUrl({ ...at, region: 'eusc-de-east-1' }).host, 'assets.s3.eusc-de-east-1.amazonaws.eu');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
