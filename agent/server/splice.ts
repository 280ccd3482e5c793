// Joins two connections byte for byte, with the back-pressure of both.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { dialUpgrade } from './dial-upgrade.ts';

/** As long as kubelet keeps a stream on which nothing happens (`streamingConnectionIdleTimeout`): a reader may be that slow. */
export const longestEndingMs = 4 * 60 * 60 * 1000;

/** `gone` has closed. What it had said before is still delivered; only then, or when it broke off, the other side is closed. */
function closeAfter(gone: Duplex, other: Duplex): void {
  if (other.destroyed) return;
  if (!gone.readableEnded) {
    other.destroy();
    return;
  }
  other.end();
  // Closing a connection with unread input resets it, and what is on its way is lost: the input is read and thrown away until the
  // other side, which has seen the end by then, closes.
  other.unpipe(gone);
  other.resume();
  const patience = setTimeout(() => other.destroy(), longestEndingMs).unref();
  other.once('close', () => clearTimeout(patience));
}

/** The end or failure of either ends both; an end comes after everything that was said before it, however slowly that is read. */
export function join(left: Duplex, right: Duplex): void {
  for (const [side, other] of [
    [left, right],
    [right, left],
  ] as const) {
    side.on('error', () => side.destroy());
    side.on('close', () => closeAfter(side, other));
  }
  // One that has ended already says so no more.
  if (left.destroyed || right.destroyed) {
    left.destroy();
    right.destroy();
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
