// `pods/log` over WebSocket, as browsers read it: the same answer, each piece of its body a message.
// Follows the protocols `binary.k8s.io` and `base64.binary.k8s.io` of kube-apiserver.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

const binary = 'binary.k8s.io';
const base64 = 'base64.binary.k8s.io';

const acceptor = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => [binary, base64].find((protocol) => offered.has(protocol)) ?? false,
});

/** Whether this handshake asks for a stream that the API answers by itself, without a node's connection. */
export const isStreamPath = (incoming: IncomingMessage): boolean =>
  incoming.headers.upgrade?.toLowerCase() === 'websocket' &&
  /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+\/log(\?|$)/.test(incoming.url ?? '');

const send = (socket: WebSocket, chunk: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    const message = socket.protocol === base64 ? Buffer.from(chunk).toString('base64') : chunk;
    socket.send(message, (error) => (error ? reject(error) : resolve()));
  });

/** Sends the body as messages and closes; ends the body when the client goes away. */
export function streamAsWebSocket(response: Response, incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
  acceptor.handleUpgrade(incoming, socket, head, (client) => {
    const reader = response.body?.getReader();
    client.on('close', () => void reader?.cancel().catch(() => {}));
    client.on('error', () => client.terminate());
    const pump = async (): Promise<void> => {
      for (let next = await reader?.read(); next && !next.done; next = await reader?.read())
        await send(client, next.value);
      client.close(1000);
    };
    pump().catch(() => client.terminate());
  });
}
