// Joins two connections byte for byte, with the back-pressure of both.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { dialUpgrade } from './dial-upgrade.ts';

/** The end or failure of either ends both. */
export function join(left: Duplex, right: Duplex): void {
  const end = () => {
    left.destroy();
    right.destroy();
  };
  for (const side of [left, right]) {
    side.on('error', end);
    side.on('close', end);
  }
  // One that has ended already says so no more.
  if (left.destroyed || right.destroyed) {
    end();
    return;
  }
  left.pipe(right);
  right.pipe(left);
}

/** SPDY from the client goes to the runtime as it is: kubectl before 1.31, and everything that has not moved to WebSockets. */
export async function spliceSpdy(request: IncomingMessage, socket: Duplex, head: Buffer, url: string): Promise<void> {
  const protocols = request.headers['x-stream-protocol-version'];
  const upgraded = await dialUpgrade(url, {
    connection: 'Upgrade',
    upgrade: request.headers.upgrade ?? 'SPDY/3.1',
    // Node joins repeated headers by a comma; the runtime wants one header each.
    ...(protocols ? { 'x-stream-protocol-version': protocols.toString().split(/,\s*/) } : {}),
  });
  const chosen = upgraded.headers['x-stream-protocol-version'];
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${upgraded.headers.upgrade ?? 'SPDY/3.1'}`,
  ];
  if (chosen) lines.push(`X-Stream-Protocol-Version: ${chosen.toString()}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (upgraded.head.length) socket.write(upgraded.head);
  if (head.length) upgraded.socket.write(head);
  join(socket, upgraded.socket);
}

/** port-forward over WebSocket carries SPDY frames inside binary messages. */
export async function tunnelSpdy(socket: WebSocket, url: string): Promise<void> {
  const early: Buffer[] = [];
  let deliver = (message: Buffer): void => void early.push(message);
  socket.on('message', (message: Buffer) => deliver(message));
  const { socket: runtime, head } = await dialUpgrade(url, {
    connection: 'Upgrade',
    upgrade: 'SPDY/3.1',
    'x-stream-protocol-version': ['portforward.k8s.io'],
  });
  if (socket.readyState !== socket.OPEN) return void runtime.destroy();
  const send = (chunk: Buffer) => {
    runtime.pause();
    socket.send(chunk, () => runtime.resume());
  };
  if (head.length) send(head);
  runtime.on('data', send);
  runtime.on('close', () => socket.close(1000));
  runtime.on('error', () => socket.close(1011));
  socket.on('close', () => runtime.destroy());
  socket.on('error', () => runtime.destroy());
  deliver = (message) => {
    if (!runtime.write(message)) {
      socket.pause();
      runtime.once('drain', () => socket.resume());
    }
  };
  for (const message of early) deliver(message);
}
