// DNS over UDP on one address.
import { createSocket, type RemoteInfo, type SocketOptions } from 'node:dgram';
import type { Log } from '../../core/ports.ts';
import type { Resolve } from './resolver.ts';

export interface ServerDeps {
  address: string;
  port: number;
  resolve: Resolve;
  log: Log;
}

export interface DnsServer {
  port: number;
  close(): void;
}

/** Rejects when the address cannot be listened on. */
export function startUdpServer({ address, port, resolve, log }: ServerDeps): Promise<DnsServer> {
  // what is answered has an address already: Node would look each one up
  const lookup: SocketOptions['lookup'] = (host, _options, done) => done(null, host, 4);
  const socket = createSocket({ type: 'udp4', lookup });
  // Without a callback, which would cost a third of the time of an answer: what cannot be sent is lost, as UDP may be.
  const send = (reply: Buffer, to: RemoteInfo): void => socket.send(reply, to.port, to.address);
  let closed = false;
  socket.on('close', () => (closed = true));
  socket.on('message', (message, from) => {
    if (from.port === 0) return; // nobody's; Node throws for it
    const reply = resolve(message, 'udp', from.address);
    if (reply instanceof Promise) void reply.then((bytes) => closed || send(bytes, from));
    else if (reply) send(reply, from);
  });
  return new Promise((settle, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', reject);
      socket.on('error', (error) => log('warn', 'DNS over UDP', { error: error.message }));
      settle({ port: socket.address().port, close: () => socket.close() });
    });
  });
}
