// The API over TLS: HTTP/1.1 on one or more addresses. Client certificates are asked for and checked, not demanded.
// HTTP/2 is not offered: Node serves half as many requests a second by it, and clients open a few connections more instead.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { badRequest, unauthorized } from '../../core/api/errors.ts';
import type { ApiServer, Peer, Tunnel } from '../../core/apiserver/server.ts';
import type { Log } from '../../core/ports.ts';
import type { ListenAddress } from '../config.ts';
import { asRequest } from './incoming-request.ts';
import { peerOf } from './peer.ts';
import { sendResponse } from './send-response.ts';
import { refuseUpgrade } from './upgrade.ts';
import { isStreamPath, streamAsWebSocket } from './websocket-stream.ts';

export interface ListenerOptions {
  listen: readonly ListenAddress[];
  /** PEM. */
  certificate: string;
  key: string;
  clientCa: string;
  api: ApiServer;
  /** Joins the client's connection to the agent's. */
  splice(tunnel: Tunnel, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  log: Log;
}

export class PortInUse extends Error {
  constructor({ host, port }: ListenAddress) {
    super(`${host}:${port} is in use by another program. Stop it, or choose another port.`);
    this.name = 'PortInUse';
  }
}

/** Go's clients close idle connections after 90 s; closing one first would race with a request. */
const keepAliveMs = 120_000;
const headTimeoutMs = 30_000;
/** Tokens and impersonation make heads long. */
const maxHeaderBytes = 64 * 1024;

export interface Listener {
  /** As bound: a port of 0 was replaced by the one that was given. */
  readonly addresses: ListenAddress[];
  /** Takes no more connections; resolves when those there are have ended, which `withinMs` makes sure of. */
  close(withinMs: number): Promise<void>;
}

/** Throws PortInUse. */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const servers: Server[] = [];
  const addresses: ListenAddress[] = [];
  try {
    for (const address of options.listen) {
      const server = makeServer(options);
      addresses.push({ ...address, port: await listen(server, address) });
      servers.push(server);
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return { addresses, close: (withinMs) => closeAll(servers, withinMs) };
}

function makeServer(options: ListenerOptions): Server {
  const { api, log } = options;
  const server = createServer({
    cert: options.certificate,
    key: options.key,
    ca: options.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    // A body may take its time (an upload through a proxy), a head may not; Node would take one limit for both.
    requestTimeout: 0,
    headersTimeout: headTimeoutMs,
    noDelay: true,
  });
  server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
    answer(api, incoming, response).catch((error: unknown) => {
      log('error', 'request-failed', { method: incoming.method, path: incoming.url, error: stackOf(error) });
      response.destroy();
    });
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    upgrade(options, incoming, socket, head).catch((error: unknown) => {
      log('warn', 'upgrade-failed', { path: incoming.url, error: stackOf(error) });
      socket.destroy();
    });
  });
  server.on('tlsClientError', (error: Error) => log('debug', 'tls-handshake-failed', { error: error.message }));
  return server;
}

export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

const statusResponse = (error: ReturnType<typeof unauthorized>): Response =>
  Response.json(error.toStatus(), { status: error.code });

/** The peer, or the refusal of what it showed. */
function identify(incoming: IncomingMessage): Peer | Response {
  const peer = peerOf(incoming.socket as TLSSocket);
  if (peer !== 'refused') return peer;
  // A bearer token still speaks for itself.
  return incoming.headers.authorization ? {} : statusResponse(unauthorized());
}

async function answer(api: ApiServer, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const peer = identify(incoming);
  if (peer instanceof Response) return await sendResponse(peer, response);
  const request = asRequest(incoming, response);
  if (!URL.canParse(request.url)) {
    return await sendResponse(statusResponse(badRequest('the request names no valid URL')), response);
  }
  await sendResponse(await api.fetch(request, peer), response);
  // A body that nobody wanted: the connection cannot be used again.
  if (!incoming.complete) incoming.resume();
}

async function upgrade(
  options: ListenerOptions,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const peer = identify(incoming);
  if (!(peer instanceof Response) && isStreamPath(incoming)) {
    const response = await options.api.fetch(asRequest(incoming), peer);
    if (response.ok) streamAsWebSocket(response, incoming, socket, head);
    else await refuseUpgrade(response, socket);
    return;
  }
  const answered = peer instanceof Response ? peer : await options.api.upgrade(asRequest(incoming), peer);
  if (answered instanceof Response) await refuseUpgrade(answered, socket);
  else await options.splice(answered, incoming, socket, head);
}

function listen(server: Server, address: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new PortInUse(address) : error),
    );
    server.listen(address.port, address.host, () => {
      const bound = server.address();
      resolve(bound && typeof bound === 'object' ? bound.port : address.port);
    });
  });
}

/** A connection that was answering when the server closed becomes idle only afterwards. */
const idleCheckMs = 20;

async function closeAll(servers: readonly Server[], withinMs: number): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  const idle = setInterval(() => {
    for (const server of servers) server.closeIdleConnections();
  }, idleCheckMs);
  const late = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, withinMs);
  await Promise.all(closed);
  clearInterval(idle);
  clearTimeout(late);
}
