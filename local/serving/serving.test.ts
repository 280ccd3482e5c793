// The TLS listener and the connections to the agents, against each other: a real API listener in front, an agent behind.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { KeyPair } from '../../core/api/cluster-certificates.ts';
import type { KubeObject } from '../../core/api/objects.ts';
import type { ApiServer, Peer } from '../../core/apiserver/server.ts';
import type { NodeConnections } from '../../host/node-dialer.ts';
import { createNodeDialer } from '../../host/node-dialer.ts';
import type { Pki } from '../pki.ts';
import { ensurePki } from '../pki.ts';
import type { Listener } from './listener.ts';
import { PortInUse, startListener } from './listener.ts';
import { spliceToAgent } from './upgrade.ts';

const directory = mkdtempSync(join(tmpdir(), 'slipway-serving-'));
let pki: Pki;
let other: Pki;
let listener: Listener;
let dialer: NodeConnections;
let node: KubeObject;
let port: number;
const agent = createServer({ requestCert: true, rejectUnauthorized: false });
/** What the API is asked, and what it answers. */
let answer: (request: Request, peer: Peer) => Promise<Response>;

const api: ApiServer = {
  fetch: (request, peer) => answer(request, peer),
  upgrade: async (request) =>
    request.url.endsWith('/refused') ? new Response('no', { status: 403 }) : { node, path: '/exec?command=sh' },
  close: () => undefined,
};

before(async () => {
  const nowMs = Date.now();
  pki = await ensurePki({
    directory: join(directory, 'one'),
    clusterName: 'one',
    serverNames: ['127.0.0.1', 'localhost', 'n1'],
    nowMs,
  });
  other = await ensurePki({
    directory: join(directory, 'two'),
    clusterName: 'two',
    serverNames: ['127.0.0.1', 'n1'],
    nowMs,
  });
  dialer = createNodeDialer({
    ca: pki.ca.certificate,
    certificate: pki.nodeClient.certificate,
    key: pki.nodeClient.key,
  });
  agent.setSecureContext({ cert: pki.server.certificate, key: pki.server.key, ca: pki.ca.certificate });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  node = nodeAt((agent.address() as AddressInfo).port);
  listener = await startListener({
    listen: [{ host: '127.0.0.1', port: 0 }],
    certificate: pki.server.certificate,
    key: pki.server.key,
    clientCa: pki.ca.certificate,
    api,
    splice: (tunnel, request, socket, head) => spliceToAgent(dialer, tunnel, request, socket, head),
    log: () => undefined,
  });
  port = listener.addresses[0]!.port;
});

after(async () => {
  dialer.close();
  agent.close();
  agent.closeAllConnections();
  await listener.close(100);
  rmSync(directory, { recursive: true, force: true });
});

const nodeAt = (agentsPort: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1' },
  status: {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: agentsPort } },
  },
});

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

interface Ask {
  method?: string;
  path?: string;
  as?: KeyPair;
  headers?: Record<string, string>;
  body?: string;
}

function ask({ method = 'GET', path = '/', as, headers = {}, body }: Ask): Promise<Answer> {
  const credentials = as ? { cert: as.certificate, key: as.key } : {};
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      method,
      path,
      headers,
      ca: pki.ca.certificate,
      agent: false,
      ...credentials,
    };
    const call = httpsRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

test('doorbells of one node share a connection', async () => {
  const sockets = new Set<unknown>();
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    sockets.add(request.socket);
    response.writeHead(202).end();
  };
  agent.on('request', onRequest);
  try {
    for (let i = 0; i < 3; i++) await dialer.ring(node);
  } finally {
    agent.off('request', onRequest);
  }
  assert.equal(sockets.size, 1);
});

describe('the listener', () => {
  test('hands over method, path, headers and body, and answers with status, headers and length', async () => {
    answer = async (request) => {
      const { pathname, search } = new URL(request.url);
      const seen = [request.method, pathname + search, request.headers.get('x-asked'), await request.text()];
      return Response.json(seen, { status: 201, headers: { 'x-answered': 'yes' } });
    };
    const { status, headers, body } = await ask({
      method: 'POST',
      path: '/a%2Fb?c=d',
      headers: { 'x-asked': 'yes' },
      body: 'ä',
    });
    assert.deepEqual(
      [status, headers['x-answered'], JSON.parse(body)],
      [201, 'yes', ['POST', '/a%2Fb?c=d', 'yes', 'ä']],
    );
    assert.equal(headers['content-length'], String(Buffer.byteLength(body)));
  });

  test('says who the client certificate belongs to', async () => {
    answer = async (_request, peer) => Response.json(peer);
    const peer = JSON.parse((await ask({ as: pki.admin })).body) as Peer;
    assert.deepEqual(
      [peer.certificate?.commonName, peer.certificate?.organizations],
      ['kubernetes-admin', ['system:masters']],
    );
    assert.deepEqual(JSON.parse((await ask({})).body), { address: '127.0.0.1' });
  });

  test('refuses a certificate of another authority, and one that is not for clients', async () => {
    answer = async () => Response.json({});
    for (const as of [other.admin, pki.server]) {
      const { status, body } = await ask({ as });
      assert.equal(status, 401);
      assert.equal(JSON.parse(body).reason, 'Unauthorized');
    }
    answer = async (_request, peer) => Response.json(peer);
    const { body } = await ask({ as: other.admin, headers: { authorization: 'Bearer x' } });
    assert.deepEqual(JSON.parse(body), {}, 'a token speaks for itself, without the certificate');
  });

  test('sends the head of a stream at once and its pieces as they come', async () => {
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (made) => void (controller = made),
      cancel: () => void (cancelled = true),
    });
    answer = async () => new Response(body);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpsRequest({ host: '127.0.0.1', port, ca: pki.ca.certificate, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    assert.equal(response.headers['content-length'], undefined);
    const chunks = response.setEncoding('utf8')[Symbol.asyncIterator]();
    controller.enqueue(new TextEncoder().encode('one'));
    assert.equal((await chunks.next()).value, 'one');
    controller.enqueue(new TextEncoder().encode('two'));
    assert.equal((await chunks.next()).value, 'two');
    response.destroy();
    while (!cancelled) await new Promise((resolve) => setImmediate(resolve));
  });

  test('tells the request when its client has gone', async () => {
    const aborted = new Promise<void>((resolve) => {
      answer = async (request) => {
        request.signal.addEventListener('abort', () => resolve());
        return new Response(new ReadableStream());
      };
    });
    const call = httpsRequest({ host: '127.0.0.1', port, ca: pki.ca.certificate, agent: false }, () => call.destroy());
    call.on('error', () => undefined);
    call.end();
    await aborted;
  });

  test('a stream that fails breaks the connection, so that nobody takes it for whole', async () => {
    answer = async () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new TextEncoder().encode('half')),
          pull: () => new Promise((_, reject) => setImmediate(() => reject(new Error('failed')))),
        }),
      );
    await assert.rejects(ask({}), /aborted|hang up|ECONNRESET/);
  });

  test('a path that is no URL is a bad request', async () => {
    const status = await rawStatus('GET http://[bad HTTP/1.1\r\nHost: [bad\r\nConnection: close\r\n\r\n');
    assert.equal(status, 400);
  });

  test('a host that is none is a bad request, and does not get into the path', async () => {
    answer = async (request) => Response.json(new URL(request.url));
    for (const host of ['x/metrics?', 'x\\healthz?', 'user@x', 'x#']) {
      assert.equal(await rawStatus(`GET /version HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), 400, host);
    }
    for (const host of ['localhost', '127.0.0.1:6443', '[::1]:6443', 'a-b.c_d']) {
      assert.equal(await rawStatus(`GET /version HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), 200, host);
    }
  });

  test('a port that is taken is said by name', async () => {
    const options = {
      listen: [{ host: '127.0.0.1', port }],
      certificate: pki.server.certificate,
      key: pki.server.key,
      clientCa: pki.ca.certificate,
      api,
      splice: async () => undefined,
      log: () => undefined,
    };
    await assert.rejects(startListener(options), PortInUse);
  });
});

async function rawStatus(head: string): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port, ca: pki.ca.certificate });
  socket.write(head);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return Number(text.split(' ')[1]);
}

describe('connections to agents', () => {
  const nextRequest = (): Promise<IncomingMessage> =>
    new Promise((resolve) => {
      agent.once('request', (incoming, response) => {
        resolve(incoming);
        incoming.resume().on('end', () => response.writeHead(202, { 'x-agent': 'yes' }).end('heard'));
      });
    });

  test('show the control plane certificate and pass answers on', async () => {
    const asked = nextRequest();
    const response = await dialer.fetch(node, '/containerLogs/ns/pod/c?follow=true', { method: 'POST', body: 'text' });
    const { url, method, socket } = await asked;
    assert.deepEqual(
      [method, url, response.status, response.headers.get('x-agent')],
      ['POST', '/containerLogs/ns/pod/c?follow=true', 202, 'yes'],
    );
    assert.equal((socket as TLSSocket).getPeerCertificate().subject.CN, 'kube-apiserver-kubelet-client');
    assert.equal(await response.text(), 'heard');
  });

  test('an answer with a status that HTTP does not know is an error of that call alone', async () => {
    agent.once('request', (_incoming, response) => response.writeHead(999).end('from a pod'));
    await assert.rejects(dialer.fetch(node, '/podProxy/shop/web/http/80/'), /status 999/);
  });

  test('a body whose sender goes away half way is an error of that call alone', async () => {
    agent.once('request', (incoming) => void incoming.resume().on('error', () => undefined));
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('half')),
      pull: () => new Promise((_, reject) => setImmediate(() => reject(new Error('the client has gone')))),
    });
    await assert.rejects(dialer.fetch(node, '/', { method: 'POST', body: half }), /hang up|the client has gone/);
  });

  test('a doorbell is a POST that brings nothing', async () => {
    const asked = nextRequest();
    await dialer.ring(node);
    const { url, method } = await asked;
    assert.deepEqual([method, url], ['POST', '/doorbell']);
  });

  test('an agent with a certificate of another authority is not trusted', async () => {
    agent.setSecureContext({ cert: other.server.certificate, key: other.server.key });
    await assert.rejects(dialer.connect(node), /certificate|verify/);
    agent.setSecureContext({ cert: pki.server.certificate, key: pki.server.key, ca: pki.ca.certificate });
  });

  test('a node without an address, and one that is not there, say so', async () => {
    const bare: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n2' } };
    await assert.rejects(async () => dialer.fetch(bare, '/'), /node "n2" has no address yet/);
    await assert.rejects(dialer.fetch(nodeAt(1), '/'), /ECONNREFUSED/);
  });

  test('an upgrade is joined to the agent byte for byte, without the caller credentials', async () => {
    const asked = new Promise<IncomingMessage>((resolve) => {
      agent.once('upgrade', (incoming, socket) => {
        resolve(incoming);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
        socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
        socket.on('error', () => undefined);
      });
    });
    const client = connect({ host: '127.0.0.1', port, ca: pki.ca.certificate });
    const protocols = 'base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io';
    client.write(
      `POST /exec HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer secret\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
        `X-Stream-Protocol-Version: v4\r\nX-Stream-Protocol-Version: v3\r\nSec-WebSocket-Protocol: ${protocols}\r\n\r\nhello`,
    );
    const { url, headers, rawHeaders } = await asked;
    assert.equal(url, '/exec?command=sh');
    assert.equal(headers.authorization, undefined);
    assert.equal(headers['sec-websocket-protocol'], 'v5.channel.k8s.io');
    assert.equal(rawHeaders.filter((name) => name === 'X-Stream-Protocol-Version').length, 2);
    let text = '';
    for await (const chunk of client.setEncoding('utf8')) {
      text += chunk;
      if (text.endsWith('HELLO')) break;
    }
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols/);
  });

  test('an upgrade that is refused, or whose agent is away, is answered like any request', async () => {
    const head = 'Host: api\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';
    assert.equal(await rawStatus(`POST /refused HTTP/1.1\r\n${head}`), 403);
    const standing = node;
    node = nodeAt(1);
    assert.equal(await rawStatus(`POST /exec HTTP/1.1\r\n${head}`), 502);
    node = standing;
  });
});
