// DNS over TCP on one address (RFC 7766): several requests on one connection, answered as they become ready.
import { createServer, type Server, type Socket } from 'node:net';
import { framed, maxTcpBytes } from './message.ts';
import type { DnsServer, ServerDeps } from './udp-server.ts';

export interface TcpLimits {
  connections: number;
  /** So that one pod does not take all of them. */
  connectionsOfOne: number;
  /** Requests of one connection that wait for their answers. */
  pending: number;
  /** Without a byte in either direction. */
  idleMs: number;
  /** In all: a client that sends a byte now and then must not stay for ever. */
  lifeMs: number;
}

export const defaultTcpLimits: TcpLimits = {
  connections: 256,
  connectionsOfOne: 32,
  pending: 32,
  idleMs: 10_000,
  lifeMs: 120_000,
};

/** Rejects when the address cannot be listened on. */
export function startTcpServer(deps: ServerDeps, limits: TcpLimits = defaultTcpLimits): Promise<DnsServer> {
  const connections = new Map<Socket, string>();
  const server = createServer((socket) => {
    const peer = socket.remoteAddress ?? '';
    const ofPeer = [...connections.values()].filter((one) => one === peer).length;
    if (connections.size >= limits.connections || ofPeer >= limits.connectionsOfOne) {
      socket.destroy();
      return;
    }
    connections.set(socket, peer);
    const life = setTimeout(() => socket.destroy(), limits.lifeMs);
    socket.on('close', () => {
      clearTimeout(life);
      connections.delete(socket);
    });
    serve(socket, peer, deps, limits);
  });
  server.on('error', (error) => deps.log('warn', 'DNS over TCP', { error: error.message }));
  return listening(server, deps, () => {
    server.close();
    for (const socket of connections.keys()) socket.destroy();
  });
}

function listening(server: Server, { address, port }: ServerDeps, close: () => void): Promise<DnsServer> {
  return new Promise((settle, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true }, () => {
      server.off('error', reject);
      const bound = server.address();
      settle({ port: typeof bound === 'object' && bound ? bound.port : port, close });
    });
  });
}

function serve(socket: Socket, peer: string, { resolve }: ServerDeps, limits: TcpLimits): void {
  let received: Buffer = Buffer.alloc(0);
  let pending = 0;
  socket.setTimeout(limits.idleMs, () => socket.destroy());
  socket.on('error', () => {}); // 'close' follows
  const send = (reply: Buffer | undefined): void => {
    if (!reply || socket.destroyed) return;
    socket.write(framed(reply));
  };
  /** Takes whole requests until one is not there yet, or the client has to read or wait first. */
  const take = (): void => {
    for (;;) {
      if (pending >= limits.pending || socket.writableNeedDrain) return void socket.pause();
      if (received.length < 2) break;
      const end = 2 + received.readUInt16BE(0);
      if (received.length < end) break;
      const reply = resolve(Buffer.from(received.subarray(2, end)), 'tcp', peer);
      received = received.subarray(end);
      if (!(reply instanceof Promise)) send(reply);
      else {
        pending++;
        void reply.then((bytes) => {
          pending--;
          send(bytes);
          take();
        });
      }
    }
    if (!socket.destroyed) socket.resume();
  };
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    // more than a request and what follows it in one read: nobody sends that and waits
    if (received.length > 2 * maxTcpBytes) return void socket.destroy();
    take();
  });
  socket.on('drain', take);
}
