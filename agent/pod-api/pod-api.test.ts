// A pod asks the API on its node; behind the node stands a gateway of the test's own.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { makeAuthority, makeLeaf } from '../../core/api/cluster-certificates.ts';
import { podApiNames } from '../../core/api/pod-api.ts';
import { servePodApi } from './pod-api.ts';

const making = { nowMs: Date.now(), randomBytes: (length: number) => new Uint8Array(randomBytes(length)) };
const authority = await makeAuthority('test', making);
const leaf = async () => {
  const names = [...podApiNames('cluster.local'), '10.96.0.1'];
  const { key, certificate } = await makeLeaf(authority, { commonName: 'system:node:n', names }, making);
  return { key, cert: certificate };
};

type Answer = (incoming: IncomingMessage, response: ServerResponse) => void;

async function node(t: TestContext, answer: Answer) {
  const gateway = createServer(answer);
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  let certificate = await leaf();
  let renewed = (): void => undefined;
  const { port: gatewayPort } = gateway.address() as AddressInfo;
  const server = await servePodApi({
    address: '127.0.0.1',
    port: 0,
    apiUrl: `http://127.0.0.1:${gatewayPort}/prod`,
    certificate: () => certificate,
    onRenewal: (callback) => {
      renewed = callback;
    },
    log: () => undefined,
  });
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    gateway.close();
    gateway.closeAllConnections();
  };
  t.after(() => {
    close();
    server.close();
    server.closeAllConnections();
  });
  const ask = (path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) => {
    const { body, ...rest } = options;
    const tls = { ca: authority.certificate, servername: 'kubernetes.default.svc', agent: false as const };
    const asked = request({ host: '127.0.0.1', port, path, ...tls, ...rest });
    asked.end(body);
    return asked;
  };
  const renew = async (): Promise<void> => {
    certificate = await leaf();
    renewed();
  };
  return { ask, port, close, renew, gatewayPort };
}

async function answerOf(
  asked: ReturnType<typeof request>,
): Promise<{ status: number; body: string; head: IncomingMessage }> {
  const [head] = (await once(asked, 'response')) as [IncomingMessage];
  let body = '';
  for await (const piece of head) body += piece;
  return { status: head.statusCode ?? 0, body, head };
}

const echo: Answer = (incoming, response) => {
  let body = '';
  incoming.on('data', (piece) => {
    body += piece;
  });
  incoming.on('end', () => {
    const { method, url, headers } = incoming;
    response.writeHead(201, {
      'content-type': 'application/json',
      warning: '299 - "old"',
      connection: 'x-hop',
      'x-hop': '1',
    });
    response.end(JSON.stringify({ method, url, headers, body }));
  });
};

test('a request goes below the stage as it is, with what the pod shows and nothing of the node', async (t) => {
  const { ask, gatewayPort } = await node(t, echo);
  const headers = {
    authorization: 'Bearer of-the-pod',
    'content-type': 'application/json',
    connection: 'close, x-mine',
    'x-mine': 'secret',
    'x-forwarded-for': '1.2.3.4',
    te: 'trailers',
  };
  const { status, body, head } = await answerOf(
    ask('/api/v1/namespaces/a%2Fb/pods?labelSelector=a%3Db&x=1', { method: 'POST', headers, body: '{"a":1}' }),
  );
  assert.equal(status, 201);
  const seen = JSON.parse(body);
  assert.equal(seen.method, 'POST');
  assert.equal(seen.url, '/prod/api/v1/namespaces/a%2Fb/pods?labelSelector=a%3Db&x=1');
  assert.equal(seen.body, '{"a":1}');
  assert.equal(seen.headers.authorization, 'Bearer of-the-pod');
  assert.equal(seen.headers.host, `127.0.0.1:${gatewayPort}`);
  for (const name of ['x-mine', 'x-forwarded-for', 'te', 'upgrade']) assert.equal(seen.headers[name], undefined, name);
  assert.equal(head.headers.warning, '299 - "old"');
  assert.equal(head.headers['x-hop'], undefined);

  const anonymous = JSON.parse((await answerOf(ask('/version'))).body);
  assert.equal(anonymous.headers.authorization, undefined);
});

test('no path leads out of the stage, and what is no path is refused', async (t) => {
  const { ask } = await node(t, echo);
  const urlOf = async (path: string): Promise<string> => JSON.parse((await answerOf(ask(path))).body).url;
  assert.equal(await urlOf('/../other/x'), '/prod/other/x');
  assert.equal(await urlOf('/a/%2e%2e/%2E%2e/../x'), '/prod/x');
  const refused = await answerOf(ask('http://169.254.169.254/latest'));
  assert.equal(refused.status, 400);
  assert.equal(JSON.parse(refused.body).reason, 'BadRequest');
});

test('a watch shows each event as it comes, and ends at the API when the pod goes', async (t) => {
  let watch: ServerResponse | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const { ask } = await node(t, (_incoming, response) => {
    watch = response;
    ended = once(response, 'close');
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
  });
  const asked = ask('/api/v1/pods?watch=1');
  const [head] = (await once(asked, 'response')) as [IncomingMessage];
  for (const event of ['one', 'two']) {
    watch!.write(event);
    const [piece] = (await once(head, 'data')) as [Buffer];
    assert.equal(piece.toString(), event);
  }
  head.on('error', () => undefined);
  asked.destroy();
  await ended;
});

test('an answer that is cut is cut for the pod too', async (t) => {
  const { ask } = await node(t, (_incoming, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half');
    setImmediate(() => response.destroy());
  });
  await assert.rejects(answerOf(ask('/api')));
});

test('while the API is away, the pod is told so', async (t) => {
  const { ask, close } = await node(t, echo);
  assert.equal((await answerOf(ask('/version'))).status, 201);
  close();
  const { status, body } = await answerOf(ask('/version'));
  assert.equal(status, 503);
  assert.equal(JSON.parse(body).reason, 'ServiceUnavailable');
});

test('what asks for another protocol gets the answer of the API', async (t) => {
  const { ask } = await node(t, echo);
  const { body } = await answerOf(ask('/exec', { headers: { connection: 'Upgrade', upgrade: 'websocket' } }));
  assert.equal(JSON.parse(body).headers.upgrade, undefined);
});

test('the certificate is good for the names that pods use, and a renewed one is shown', async (t) => {
  const { port, renew } = await node(t, echo);
  const shown = (servername: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket: TLSSocket = connectTls({ host: '127.0.0.1', port, ca: authority.certificate, servername }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  const first = await shown('kubernetes.default.svc.cluster.local');
  assert.equal(await shown('kubernetes'), first);
  await assert.rejects(shown('example.org'));
  await renew();
  assert.notEqual(await shown('kubernetes.default'), first);
  // and a client that speaks no TLS disturbs nobody
  const plain = connect(port, '127.0.0.1', () => plain.end('GET / HTTP/1.1\r\n\r\n'));
  plain.on('error', () => undefined);
  await once(plain, 'close');
  assert.notEqual(await shown('kubernetes'), first);
});
