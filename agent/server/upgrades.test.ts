// exec and port-forward over WebSocket when either side misbehaves.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import type { ServerPort } from '../server-port.ts';
import { handleUpgrade } from './upgrades.ts';

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listening(t: TestContext, server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return server;
}

const switched = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

/** An agent's server, and the runtime behind it, whose answer to each call is the test's. */
async function stand(t: TestContext) {
  const calls: Duplex[] = [];
  let called = Promise.withResolvers<Duplex>();
  const runtime = createServer((_request, response) => response.writeHead(404).end('no such sandbox'));
  runtime.on('upgrade', (_request, socket) => {
    calls.push(socket);
    socket.on('error', () => undefined);
    called.resolve(socket);
  });
  await listening(t, runtime);
  t.after(() => calls.forEach((socket) => void socket.destroy()));
  let refuses = false;
  const container = { name: 'c', id: 'c1', running: true };
  const url = async (): Promise<string> => `http://127.0.0.1:${portOf(runtime)}/stream`;
  const port = {
    log: () => undefined,
    pod: () => ({ pod: {}, sandboxId: 's', podIP: '127.0.0.1', containers: [container] }),
    execUrl: url,
    portForwardUrl: url,
  } as unknown as ServerPort;
  const agent = createServer();
  agent.on('upgrade', (request, socket, head) => void handleUpgrade(port, request, socket, head));
  await listening(t, agent);
  return {
    port: portOf(agent),
    call: async (): Promise<Duplex> => {
      const socket = await called.promise;
      called = Promise.withResolvers();
      return socket;
    },
    refuse: () => {
      if (!refuses) runtime.removeAllListeners('upgrade');
      refuses = true;
    },
  };
}

const exec = '/exec/ns/p/c?command=sh&stdin=true&stdout=true';

/** A client that says whatever it likes. */
async function raw(port: number, path: string, protocol: string, bytes: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = [
    `GET ${path} HTTP/1.1`,
    'Host: node',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    `Sec-WebSocket-Protocol: ${protocol}`,
  ];
  socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
  return socket;
}

test('what is no frame, sent before the runtime has answered, ends its own connection and nothing else', async (t) => {
  const { port, call } = await stand(t);
  const client = await raw(port, exec, 'v5.channel.k8s.io', Buffer.alloc(8, 0xff));
  client.resume();
  const runtime = await call();
  await once(client, 'close');
  runtime.write(switched);
  runtime.resume();
  await once(runtime, 'end');
});

test('a command whose asker leaves before the runtime has answered is not left with nobody to end it', async (t) => {
  const { port, call } = await stand(t);
  const client = new WebSocket(`ws://127.0.0.1:${port}${exec}`, ['v5.channel.k8s.io']);
  await once(client, 'open');
  const runtime = await call();
  client.close();
  await once(client, 'close');
  runtime.write(switched);
  runtime.resume();
  await once(runtime, 'end');
});

test('a runtime that refuses a port-forward is told in the words of a WebSocket', async (t) => {
  const { port, refuse } = await stand(t);
  refuse();
  const client = await raw(port, '/portForward/ns/p?port=80', 'SPDY/3.1+portforward.k8s.io', Buffer.alloc(0));
  let told = '';
  client.setEncoding('latin1').on('data', (chunk: string) => {
    told += chunk;
    // A close frame of a server: its length, the code 1011, the reason.
    if (told.includes('no such sandbox')) client.destroy();
  });
  await once(client, 'close');
  assert.equal(told.slice(told.indexOf('\r\n\r\n') + 4), '\x88\x11\x03\xf3no such sandbox');
});
