import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { TokenSource } from '../aws/identity/token-source.ts';
import { httpClient } from '../core/client/http.ts';
import { resources } from '../core/client/resources.ts';
import { apiFetch } from './api-fetch.ts';
import { iamFetch } from './iam-fetch.ts';

const minute = 60_000;

/** An API behind a gateway's stage that takes tokens signed within 15 minutes of its own clock. */
async function gateway(skewMs: number) {
  const seen: { path: string; body: string; signedAt: string }[] = [];
  const now = (): number => Date.now() + skewMs;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const token = request.headers.authorization?.replace('Bearer k8s-aws-v1.', '') ?? '';
    const url = new URL(Buffer.from(token, 'base64url').toString());
    const signedAt = url.searchParams.get('X-Amz-Date') ?? '';
    seen.push({ path: request.url ?? '', body, signedAt });
    const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signedAt)!;
    const [y, mo, d, h, mi, s] = parts.slice(1).map(Number) as [number, number, number, number, number, number];
    const wrong = Math.abs(Date.UTC(y, mo - 1, d, h, mi, s) - now()) > 15 * minute;
    response.sendDate = false;
    response.setHeader('date', new Date(now()).toUTCString());
    response.writeHead(wrong ? 401 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(wrong ? { kind: 'Status', reason: 'Unauthorized', code: 401 } : { metadata: {} }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { seen, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod` };
}

async function withGateway(skewMs: number, act: (parts: Awaited<ReturnType<typeof run>>) => Promise<void>) {
  const parts = await run(skewMs);
  try {
    await act(parts);
  } finally {
    parts.close();
  }
}

async function run(skewMs: number) {
  const { seen, server, url } = await gateway(skewMs);
  const logged: { level: string; message: unknown }[] = [];
  const tokens = new TokenSource({
    credentials: async () => ({ accessKeyId: 'A', secretAccessKey: 'S' }),
    region: 'eu-central-1',
    cluster: 'shop',
    now: () => Date.now(),
  });
  const http = apiFetch(() => ({}));
  const fetch = iamFetch({
    tokens,
    send: http.fetch,
    log: (level, _event, fields) => void logged.push({ level, message: fields?.['message'] }),
  });
  const close = (): void => {
    http.close();
    server.close();
  };
  return { seen, logged, client: httpClient({ baseUrl: url, fetch }), close };
}

test('calls go below the stage, with a token of the role', () =>
  withGateway(0, async ({ client, seen, logged }) => {
    await client.get(resources.nodes, { name: 'i-1' });
    assert.deepEqual(
      seen.map((call) => call.path),
      ['/prod/api/v1/nodes/i-1'],
    );
    assert.deepEqual(logged, []);
  }));

test('a clock that is 20 minutes behind is told, and the same request goes out again with the right time', () =>
  withGateway(20 * minute, async ({ client, seen, logged }) => {
    await client.create(resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'i-1' } });
    assert.equal(seen.length, 2);
    assert.equal(seen[0]!.body, seen[1]!.body);
    assert.match(String(logged[0]!.message), /clock is 1[12]\d\d s behind the API's/);
    await client.get(resources.nodes, { name: 'i-1' });
    assert.equal(seen.length, 3);
    assert.equal(logged.length, 1);
  }));

test('a refusal that is not about time is asked about once more with a new token, and then believed', async () => {
  const calls: string[] = [];
  let made = 0;
  const fetch = iamFetch({
    tokens: { get: async () => `t${made}`, drop: () => void made++, observe: () => false, offsetMs: 0 },
    send: async (_request, token) => {
      calls.push(token);
      return new Response('', { status: 401 });
    },
    log: () => assert.fail('nothing to say'),
  });
  assert.equal((await fetch(new Request('http://127.0.0.1/'))).status, 401);
  assert.deepEqual(calls, ['t0', 't1']);
});

test('a 403 is the answer', async () => {
  let calls = 0;
  const fetch = iamFetch({
    tokens: { get: async () => 't', drop: () => assert.fail('the token is good'), observe: () => false, offsetMs: 0 },
    send: async () => new Response('', { status: calls++ === 0 ? 403 : 500 }),
    log: () => {},
  });
  assert.equal((await fetch(new Request('http://127.0.0.1/'))).status, 403);
  assert.equal(calls, 1);
});
