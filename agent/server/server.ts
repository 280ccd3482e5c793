// The agent's TLS server. Only the control plane may call it: the caller must show a client certificate of the cluster's CA with
// its name. Paths are kubelet's, so that the API server needs to know nothing else.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { prometheusContentType } from '../../core/api/prometheus.ts';
import type { AgentServer, ServerPort } from '../server-port.ts';
import { logOptions, logSource, readLog } from './logs.ts';
import { isPodProxy, servePodProxy } from './pod-proxy.ts';
import { ServingError } from './serving-error.ts';
import { resourceMetrics, statsSummary, usageAnswer } from './stats.ts';
import { handleUpgrade } from './upgrades.ts';

/** Longer than the pauses of a quiet cluster: a doorbell should find its connection open. */
const idleConnectionMs = 75_000;
/** Common name of the control plane's client certificate. */
const allowedCaller = 'kube-apiserver-kubelet-client';

function refuse(response: ServerResponse, error: unknown, port: ServerPort): void {
  const known = error instanceof ServingError;
  if (!known) port.log('error', 'server-request-failed', { error: String(error) });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(known ? error.status : 500, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(known ? error.message : 'the agent could not answer this request');
}

const isAllowed = (request: IncomingMessage): boolean => {
  const socket = request.socket as TLSSocket;
  return socket.authorized && socket.getPeerCertificate().subject?.CN === allowedCaller;
};

function answer(response: ServerResponse, contentType: string, body: string): void {
  response.writeHead(200, { 'content-type': contentType });
  response.end(body);
}

async function serveLogs(port: ServerPort, path: string[], url: URL, response: ServerResponse): Promise<void> {
  const [namespace = '', pod = '', container = ''] = path;
  const options = logOptions(url.searchParams, Date.now());
  const source = await logSource(() => port.pod(namespace, pod), namespace, pod, container, options.previous);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const log = readLog(source, options, gone.signal);
  // The first bytes are fetched before the head is sent, so that a missing file is still an error of its own.
  const first = await log.next();
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  if (first.done) {
    response.end();
    return;
  }
  const whole = async function* () {
    yield first.value;
    yield* log;
  };
  await pipeline(Readable.from(whole(), { objectMode: false }), response).catch(() => response.destroy());
}

/** What follows /metrics; undefined: nothing is there. */
function metricsText(port: ServerPort, path: string): string | undefined {
  switch (path) {
    case '':
      return port.metrics();
    case 'resource':
      return resourceMetrics(port);
    case 'probes':
      return port.probeMetrics();
    default:
      return undefined;
  }
}

async function route(port: ServerPort, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (isPodProxy(request.url)) return await servePodProxy(port, request, response);
  const url = new URL(request.url ?? '/', 'https://node');
  const [first, ...rest] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  switch (first) {
    case 'doorbell':
      port.ring();
      response.writeHead(202).end();
      return;
    case 'healthz':
      answer(response, 'text/plain; charset=utf-8', 'ok');
      return;
    case 'containerLogs':
      await serveLogs(port, rest, url, response);
      return;
    case 'pods':
      answer(
        response,
        'application/json',
        JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: port.pods().map((one) => one.pod) }),
      );
      return;
    case 'stats':
      if (rest[0] !== 'summary') break;
      answer(response, 'application/json', JSON.stringify(statsSummary(port)));
      return;
    case 'usage':
      answer(response, 'application/json', JSON.stringify(usageAnswer(port)));
      return;
    case 'metrics': {
      const text = metricsText(port, rest.join('/'));
      if (text === undefined) break;
      answer(response, prometheusContentType, text);
      return;
    }
    default:
  }
  throw new ServingError(404, `404 page not found: ${url.pathname}`);
}

function listen(server: Server, port: ServerPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port.port, port.address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Resolves once it listens; rejects when the port is taken. */
export async function startServer(port: ServerPort): Promise<AgentServer> {
  const context = () => {
    const material = port.tls();
    return { key: material.key, cert: material.cert, ca: material.clientCa };
  };
  const server = createServer({ ...context(), requestCert: true, rejectUnauthorized: false }, (request, response) => {
    if (!isAllowed(request)) {
      refuse(response, new ServingError(401, 'Unauthorized'), port);
      return;
    }
    route(port, request, response).catch((error: unknown) => refuse(response, error, port));
  });
  server.keepAliveTimeout = idleConnectionMs;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isAllowed(request)) void handleUpgrade(port, request, socket, head);
    else socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  });
  port.onTlsChange(() => server.setSecureContext(context()));
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
