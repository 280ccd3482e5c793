// Passes one request of a pod on to the API, and the answer back, both as they come. The request goes with what the pod itself shows
// (its token): nothing of the node's own identity is ever added.
import {
  type IncomingMessage,
  type Agent as PlainAgent,
  request as plainRequest,
  type ServerResponse,
} from 'node:http';
import { type Agent, request as tlsRequest } from 'node:https';
import { pipeline } from 'node:stream';
import { badRequest, StatusError } from '../../core/api/errors.ts';
import type { Log } from '../../core/ports.ts';

/** Of one connection only: RFC 9110, 7.6.1. */
const ofConnection = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** Answered by this server, or said anew by it. */
const notPassed = new Set([...ofConnection, 'host', 'expect', 'forwarded']);
const connectTimeoutMs = 10_000;

export interface Upstream {
  /** `https://host/stage`. */
  url: URL;
  agent: Agent | PlainAgent;
  log: Log;
}

/** Headers that the message names as its connection's own go too. */
function passedOn({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!notPassed.has(name) && !named.includes(name) && !name.startsWith('x-forwarded-'))
      kept.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  return kept;
}

/** Below the API's own path, whatever dots it has. Throws BadRequest. */
function pathBelow({ pathname }: URL, asked: string): string {
  if (!asked.startsWith('/')) throw badRequest('the request names no path');
  const { pathname: path, search } = new URL(`https://api${asked}`);
  return `${pathname.replace(/\/$/, '')}${path}${search}`;
}

export function refuse(response: ServerResponse, error: StatusError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(error.toStatus());
  response.writeHead(error.code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export function pass(incoming: IncomingMessage, response: ServerResponse, { url, agent, log }: Upstream): void {
  let path: string;
  try {
    path = pathBelow(url, incoming.url ?? '');
  } catch (error) {
    refuse(response, error instanceof StatusError ? error : badRequest('the request names no path'));
    return;
  }
  const send = url.protocol === 'http:' ? plainRequest : tlsRequest;
  const outgoing = send({
    agent,
    host: url.hostname,
    port: url.port,
    method: incoming.method,
    path,
    headers: [...passedOn(incoming), 'host', url.host],
  });
  const connecting = setTimeout(() => outgoing.destroy(new Error('no connection')), connectTimeoutMs);
  const connected = (): void => clearTimeout(connecting);
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) connected();
    else socket.once(url.protocol === 'http:' ? 'connect' : 'secureConnect', connected);
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passedOn(answer));
    // the head of a watch goes out before its first event
    response.flushHeaders();
    // an answer that is cut is cut for the pod too
    pipeline(answer, response, () => undefined);
  });
  outgoing.on('error', (error) => {
    connected();
    log('debug', 'a request of a pod did not reach the API', { error: error.message });
    refuse(response, new StatusError('ServiceUnavailable', 'the API cannot be reached from this node now'));
  });
  response.on('close', () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  incoming.pipe(outgoing);
}
