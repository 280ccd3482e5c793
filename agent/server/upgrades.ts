// exec, attach and port-forward: connections that change their protocol. The client speaks SPDY (spliced through) or WebSocket.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { ExecOptions, ServedContainer, ServedPod, ServerPort } from '../server-port.ts';
import { isPodProxy, splicePodProxy } from './pod-proxy.ts';
import { bridgeRemoteCommand, webSocketProtocols } from './remote-command.ts';
import { ServingError } from './serving-error.ts';
import { longestEndingMs, spliceSpdy, tunnelSpdy } from './splice.ts';

const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io';
/** Above this a message is not a keystroke or a file's chunk but a mistake. */
const largestMessageBytes = 32 * 1024 * 1024;

const acceptorOptions: ServerOptions & { closeTimeout: number } = {
  noServer: true,
  maxPayload: largestMessageBytes,
  // A client answers our end when it has read all that came before it; ws by itself gives it half a minute.
  closeTimeout: longestEndingMs,
  handleProtocols: (offered) => webSocketProtocols.find((protocol) => offered.has(protocol)) ?? false,
};
const acceptor = new WebSocketServer(acceptorOptions);
// ws refuses a subprotocol with a slash: it is taken off the request before and put on the answer here.
acceptor.on('headers', (headers, request) => {
  if (tunnelled.has(request)) headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`);
});
const tunnelled = new WeakSet<IncomingMessage>();

/** A frame that is none ends the connection, however early it comes: unheard, it would end the agent. */
const accept = (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> =>
  new Promise((resolve) =>
    acceptor.handleUpgrade(request, socket, head, (client) => {
      client.on('error', () => client.terminate());
      resolve(client);
    }),
  );

const flag = (query: URLSearchParams, ...names: string[]): boolean =>
  names.some((name) => ['1', 'true'].includes(query.get(name)?.toLowerCase() ?? ''));

/** The API's names (stdin, stdout, stderr) and kubelet's (input, output, error). */
const streamsOf = (query: URLSearchParams): Omit<ExecOptions, 'command'> => ({
  stdin: flag(query, 'stdin', 'input'),
  stdout: flag(query, 'stdout', 'output'),
  stderr: flag(query, 'stderr', 'error'),
  tty: flag(query, 'tty'),
});

function findPod(port: ServerPort, namespace: string, name: string): ServedPod {
  const served = port.pod(namespace, name);
  if (!served) throw new ServingError(404, `pod "${name}" not found in namespace "${namespace}"`);
  return served;
}

function runningContainer(served: ServedPod, name: string): ServedContainer {
  const container = served.containers.find((one) => one.name === name);
  if (!container) throw new ServingError(404, `container not found ("${name}")`);
  if (!container.running) throw new ServingError(400, `container "${name}" is not running`);
  return container;
}

/** Where the runtime serves this stream. */
async function runtimeUrl(port: ServerPort, url: URL, path: string[]): Promise<string> {
  const [verb, namespace = '', pod = '', container = ''] = path;
  const served = findPod(port, namespace, pod);
  const streams = streamsOf(url.searchParams);
  switch (verb) {
    case 'exec':
      return port.execUrl(runningContainer(served, container).id, {
        ...streams,
        command: url.searchParams.getAll('command'),
      });
    case 'attach': {
      const target = runningContainer(served, container);
      return port.attachUrl(target.id, { ...streams, tty: target.tty });
    }
    case 'portForward':
      if (!served.sandboxId) throw new ServingError(400, `pod "${pod}" is not running`);
      return port.portForwardUrl(served.sandboxId, url.searchParams.getAll('port').map(Number));
    default:
      throw new ServingError(404, `404 page not found: ${url.pathname}`);
  }
}

function refuse(socket: Duplex, error: unknown, port: ServerPort): void {
  const known = error instanceof ServingError;
  if (!known) port.log('error', 'server-upgrade-failed', { error: String(error) });
  const body = known
    ? error.message
    : `the container runtime refused: ${error instanceof Error ? error.message : String(error)}`;
  const status = known ? error.status : 500;
  if (socket.writable) {
    socket.end(
      `HTTP/1.1 ${status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
}

async function serve(port: ServerPort, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  if (isPodProxy(request.url)) return await splicePodProxy(port, request, socket, head);
  const url = new URL(request.url ?? '/', 'https://node');
  const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const target = await runtimeUrl(port, url, path);
  if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
    await spliceSpdy(request, socket, head, target);
    return;
  }
  if (path[0] === 'portForward') {
    if (!request.headers['sec-websocket-protocol']?.includes(tunnelProtocol)) {
      throw new ServingError(
        400,
        `unable to upgrade: port-forward over WebSocket needs the subprotocol ${tunnelProtocol}`,
      );
    }
    delete request.headers['sec-websocket-protocol'];
    tunnelled.add(request);
    const client = await accept(request, socket, head);
    await tunnelSpdy(client, target).catch((error) => closeFor(client, error));
    return;
  }
  const client = await accept(request, socket, head);
  await bridgeRemoteCommand(client, target, streamsOf(url.searchParams)).catch((error) => closeFor(client, error));
}

/** It is no HTTP connection any more: what went wrong is the reason of its end. */
const closeFor = (client: WebSocket, error: unknown): void =>
  client.close(1011, error instanceof Error ? Buffer.from(error.message).subarray(0, 100) : '');

/** Never throws: a refusal is written to the socket as an HTTP answer. */
export async function handleUpgrade(
  port: ServerPort,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  try {
    await serve(port, request, socket, head);
  } catch (error) {
    refuse(socket, error, port);
  }
}
