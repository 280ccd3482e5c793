// What probes and hooks hear from servers of all kinds.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { makeAuthority, makeLeaf } from '../../core/api/cluster-certificates.ts';
import type { HTTPGetAction, Pod } from '../../core/api/types.gen.ts';
import type { Cri } from '../cri/client.ts';
import { grpcHealth, tcpConnect } from './handlers.ts';
import { runHook } from './hooks.ts';
import { httpGet } from './http-get.ts';

const container = { name: 'c', ports: [] as { name: string; containerPort: number }[] };
const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' }, spec: { containers: [container] } };
const ip = '127.0.0.1';
const patience = 20_000;

async function listening(t: TestContext, server: Server | Http2Server | TcpServer): Promise<number> {
  server.listen(0, ip);
  await once(server, 'listening');
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}
const probe = (action: HTTPGetAction, timeoutMs = patience) =>
  httpGet(action, pod, container, ip, timeoutMs, 'kube-probe/1.36');
/** Path decides: a number is the status, others are told below. */
const answering: RequestListener = (request, response) => {
  const path = new URL(request.url ?? '/', 'http://x').pathname.slice(1);
  if (path === 'silent') return;
  if (path === 'circle') response.writeHead(302, { location: '/circle' });
  else if (path === 'here') response.writeHead(302, { location: '/200' });
  else if (path === 'away') response.writeHead(302, { location: 'http://elsewhere.example/' });
  else if (path === 'long') return void response.end('x'.repeat(100_000));
  else response.writeHead(Number(path) || 200);
  response.end(`said ${request.url}`);
};

test('an HTTP probe goes by the status, follows redirects within the host, and warns of others', async (t) => {
  const port = await listening(t, createServer(answering));
  assert.deepEqual(await probe({ port, path: '/200?a=1' }), { ok: true, output: 'said /200?a=1' });
  assert.deepEqual(await probe({ port, path: '204' }), { ok: true, output: '' });
  assert.deepEqual(await probe({ port, path: '/here' }), { ok: true, output: 'said /200' });
  const away = { ok: true, warning: true, output: 'Probe terminated redirects, Response body: said /away' };
  assert.deepEqual(await probe({ port, path: '/away' }), away);
  for (const status of [400, 404, 503]) {
    const output = `HTTP probe failed with statuscode: ${status}`;
    assert.deepEqual(await probe({ port, path: `/${status}` }), { ok: false, output });
  }
  assert.match((await probe({ port, path: '/circle' })).output, /stopped after 10 redirects$/);
  assert.equal((await probe({ port, path: '/long' })).output.length, 10 * 1024);
  assert.match((await probe({ port, path: '/silent' }, 50)).output, /^Get "http:.*context deadline exceeded/);
  const named = { ...container, ports: [{ name: 'web', containerPort: port }] };
  const inPod = { ...pod, spec: { containers: [named] } };
  assert.equal((await httpGet({ port: 'web' }, inPod, named, ip, patience, '')).ok, true);
  assert.deepEqual(await probe({ port: 'web' }), { ok: false, output: 'invalid port number: web' });
  assert.equal((await httpGet({ port, host: ip }, pod, container, '192.0.2.1', patience, '')).ok, true);
});

test('a probe sends the headers that it is told, its own where there are none', async (t) => {
  let heard: IncomingMessage | undefined;
  const listen: RequestListener = (request, response) => {
    heard = request;
    response.end();
  };
  const port = await listening(t, createServer(listen));
  const sent = async (httpHeaders?: HTTPGetAction['httpHeaders']) => {
    await probe({ port, ...(httpHeaders ? { httpHeaders } : {}) });
    const { host, accept, 'user-agent': agent, ...others } = heard!.headersDistinct;
    return { host: host?.[0]?.replace(String(port), 'PORT'), accept, agent, x: others['x-a'] };
  };
  const usual = { host: `${ip}:PORT`, accept: ['*/*'], agent: ['kube-probe/1.36'], x: undefined };
  assert.deepEqual(await sent(), usual);
  const own = [
    { name: 'Host', value: 'shop.example' },
    { name: 'user-agent', value: 'mine' },
    { name: 'ACCEPT', value: '' },
    { name: 'X-A', value: '1' },
    { name: 'x-a', value: '2' },
  ];
  assert.deepEqual(await sent(own), { host: 'shop.example', accept: undefined, agent: ['mine'], x: ['1', '2'] });
});

test('an HTTPS probe takes any certificate', async (t) => {
  const making = { nowMs: Date.now(), randomBytes };
  const authority = await makeAuthority('nobody-knows', making);
  const { key, certificate: cert } = await makeLeaf(authority, { commonName: 'x', names: ['other.example'] }, making);
  const port = await listening(t, createHttps({ key, cert }, answering));
  assert.deepEqual(await probe({ port, scheme: 'HTTPS', path: '/200' }), { ok: true, output: 'said /200' });
  assert.equal((await probe({ port, path: '/200' })).ok, false, 'plain HTTP at a TLS port');
});

test('a TCP probe connects; a gRPC one asks the health service', async (t) => {
  const open = await listening(t, createTcp());
  const server = createTcp();
  const closed = await listening(t, server);
  server.close();
  await once(server, 'close');
  assert.equal((await tcpConnect({ port: open }, pod, container, ip, patience)).ok, true);
  assert.match((await tcpConnect({ port: closed }, pod, container, ip, patience)).output, /^dial tcp .*ECONNREFUSED/);
  assert.match((await tcpConnect({ port: 'no' }, pod, container, ip, patience)).output, /invalid port number/);

  const health = createHttp2();
  health.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      // a request without a name of a service has no byte after its frame
      const isFor = Buffer.concat(chunks).subarray(7).toString();
      const known = isFor === '' || isFor === 'ready';
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': known ? '0' : '5' }));
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.end(known ? Buffer.from([0, 0, 0, 0, 2, 8, isFor === 'ready' ? 1 : 2]) : undefined);
    });
  });
  const port = await listening(t, health);
  const asked = (service?: string) => grpcHealth({ port, ...(service ? { service } : {}) }, ip, patience, 'x');
  assert.deepEqual(await asked('ready'), { ok: true, output: 'service healthy' });
  assert.match((await asked()).output, /NOT_SERVING/);
  assert.equal((await asked('nobody')).ok, false);
});

test('a hook over HTTP is content with any answer, and with plain HTTP; one over TCP is refused', async (t) => {
  const port = await listening(t, createServer(answering));
  const run = (hook: Parameters<typeof runHook>[1]): Promise<void> =>
    runHook({} as Cri, hook, pod, container, 'id', ip, 0);
  await run({ httpGet: { port, path: '/500' } });
  await run({ httpGet: { port, path: '/200', scheme: 'HTTPS' } });
  await run({ sleep: { seconds: 0 } });
  await assert.rejects(run({ httpGet: { port: 'none' } }), /^Error: HTTP lifecycle hook .* invalid port number: none/);
  await assert.rejects(run({ tcpSocket: { port } }), /^Error: Cannot run handler: invalid handler/);
});
