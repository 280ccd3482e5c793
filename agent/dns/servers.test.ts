import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { service, World } from './fixture/world.ts';
import { framed } from './message.ts';
import { defaultTcpLimits, startTcpServer } from './tcp-server.ts';
import { startUdpServer } from './udp-server.ts';
import { upstreamServers } from './upstream-servers.ts';

const name = 'web.default.svc.cluster.local';
const world = new World().apply([service('web', { clusterIP: '10.96.0.20' })]);
const question = (id: number): Buffer => encode({ type: 'query', id, questions: [{ name, type: 'A' }] });
const deps = { address: '127.0.0.1', port: 0, resolve: world.resolve, log: () => {} };

/** The messages that come until the other side closes or there are `count`. */
async function replies(socket: Socket, count: number): Promise<Buffer[]> {
  let received: Buffer = Buffer.alloc(0);
  const found: Buffer[] = [];
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      found.push(received.subarray(2, end));
      received = received.subarray(end);
    }
    if (found.length >= count) break;
  }
  return found;
}

test('over UDP each request has its answer, and what is no request changes nothing', async () => {
  const server = await startUdpServer(deps);
  const client = createSocket('udp4');
  await new Promise<void>((done) => client.connect(server.port, '127.0.0.1', done));
  const answer = new Promise<Buffer>((done) => client.once('message', done));
  client.send(Buffer.from('x'));
  client.send(question(5));
  const { id, answers } = decode(await answer);
  assert.deepEqual([id, answers?.length], [5, 1]);
  client.close();
  server.close();
});

test('over TCP several requests share a connection, however they are cut into packets', async () => {
  const server = await startTcpServer(deps);
  const socket = connect(server.port, '127.0.0.1');
  const bytes = Buffer.concat([1, 2, 3].map((id) => framed(question(id))));
  for (const byte of bytes.subarray(0, 40)) socket.write(Buffer.from([byte]));
  socket.write(bytes.subarray(40));
  const found = await replies(socket, 3);
  assert.deepEqual(found.map((reply) => decode(reply).id).sort(), [1, 2, 3]);
  server.close();
});

test('one client cannot take all connections, nor keep one for ever', async () => {
  const limits = { ...defaultTcpLimits, connectionsOfOne: 2, lifeMs: 50 };
  const server = await startTcpServer(deps, limits);
  const sockets = [1, 2, 3].map(() => connect(server.port, '127.0.0.1'));
  const ends = sockets.map((socket) => new Promise((done) => socket.resume().on('error', done).on('close', done)));
  await Promise.all(ends);
  const later = connect(server.port, '127.0.0.1');
  later.write(framed(question(8)));
  assert.equal((await replies(later, 1)).length, 1, 'there is room again');
  server.close();
});

test('the node’s servers are those of its resolv.conf as it stands, but never the node itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-dns-'));
  const file = join(folder, 'resolv.conf');
  let now = 0;
  const servers = upstreamServers(file, ['10.96.0.10'], () => now);
  try {
    assert.deepEqual(servers(), [], 'no file');
    writeFileSync(file, 'nameserver 10.96.0.10\nnameserver 192.0.2.53\nnameserver not-an-address\n');
    assert.deepEqual(servers(), [], 'not looked at again so soon');
    now = 1000;
    assert.deepEqual(servers(), [{ address: '192.0.2.53', port: 53 }]);
    writeFileSync(file, '# nobody\n');
    now = 2000;
    assert.deepEqual(servers(), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
