// Connections to the agents, over TLS with the control plane's own client certificate.
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { KubeObject } from '../core/api/objects.ts';
import type { NodeDialer } from '../core/apiserver/server.ts';
import { type AgentAddress, agentAddressOf } from './agent-address.ts';

export interface DialerOptions {
  /** PEM: what agents' serving certificates are checked against, and what the control plane shows them. */
  ca: string;
  certificate: string;
  key: string;
}

/** Calls to agents by their address. */
export interface AgentConnections {
  fetch(agent: AgentAddress, path: string, init?: RequestInit): Promise<Response>;
  /** A naked connection, for upgrades. */
  connect(agent: AgentAddress): Promise<{ socket: TLSSocket; host: string }>;
  /** Resolves when the agent took the call. */
  ring(agent: AgentAddress): Promise<void>;
  close(): void;
}

export interface NodeConnections extends NodeDialer {
  connect(node: KubeObject): Promise<{ socket: TLSSocket; host: string }>;
  ring(node: KubeObject): Promise<void>;
  close(): void;
}

const connectTimeoutMs = 5_000;
const ringTimeoutMs = 3_000;

export function createNodeDialer(options: DialerOptions): NodeConnections {
  const agents = createAgentDialer(options);
  return {
    fetch: async (node, path, init) => await agents.fetch(agentAddressOf(node), path, init),
    connect: async (node) => await agents.connect(agentAddressOf(node)),
    ring: async (node) => await agents.ring(agentAddressOf(node)),
    close: () => agents.close(),
  };
}

export function createAgentDialer(options: DialerOptions): AgentConnections {
  const { ca, certificate: cert, key } = options;
  // No limit of connections: followed logs hold theirs for long, and must keep no doorbell waiting.
  const pool = new Agent({ ca, cert, key, keepAlive: true, maxFreeSockets: 2, timeout: 0 });
  const target = ({ host, port, name }: AgentAddress) => ({ host, port, ...(isIP(name) ? {} : { servername: name }) });
  return {
    fetch: (agent, path, init = {}) => {
      const headers = Object.fromEntries(new Headers(init.headers));
      const call = httpsRequest({ ...target(agent), agent: pool, path, method: init.method ?? 'GET', headers });
      return exchange(call, init);
    },
    async connect(agent) {
      const to = target(agent);
      const socket = connect({ ...to, ca, cert, key, ALPNProtocols: ['http/1.1'] });
      await connected(socket);
      return { socket, host: `${to.host}:${to.port}` };
    },
    async ring(agent) {
      const options = { ...target(agent), agent: pool, path: '/doorbell', method: 'POST', timeout: ringTimeoutMs };
      const call = httpsRequest(options);
      call.on('timeout', () => call.destroy(new Error('the agent did not answer')));
      const response = await exchange(call, {});
      // Read to its end, not cancelled: that would close the connection, and the next doorbell pay for a handshake.
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`the agent answered ${response.status}`);
    },
    close: () => pool.destroy(),
  };
}

function connected(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('timed out')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve();
    });
  });
}

function exchange(call: ReturnType<typeof httpsRequest>, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const abort = (): void => void call.destroy(new Error('aborted'));
    init.signal?.addEventListener('abort', abort);
    call.on('socket', (socket) => {
      const timer = setTimeout(() => call.destroy(new Error('timed out')), connectTimeoutMs);
      const reached = (): void => clearTimeout(timer);
      if (socket.connecting) socket.once('secureConnect', reached).once('close', reached);
      else reached();
    });
    call.on('error', reject);
    call.on('response', (answer) => {
      answer.on('close', () => init.signal?.removeEventListener('abort', abort));
      // What a pod answers must not throw here, where nobody would catch it.
      if (isKnownStatus(answer.statusCode)) return resolve(responseOf(answer));
      reject(new Error(`it answered with status ${answer.statusCode}`));
      answer.destroy();
    });
    send(call, init.body).catch((error: Error) => call.destroy(error));
  });
}

async function send(call: ReturnType<typeof httpsRequest>, body: RequestInit['body']): Promise<void> {
  if (body === undefined || body === null) call.end();
  else if (body instanceof ReadableStream)
    await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), call);
  else call.end(Buffer.from(await new Response(body).arrayBuffer()));
}

/** Statuses that a Response may have. */
const isKnownStatus = (status = 0): boolean => status >= 200 && status <= 599;

/** Statuses that a Response may have no body with. */
const bodiless = new Set([204, 205, 304]);

function responseOf(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (let i = 0; i < answer.rawHeaders.length; i += 2)
    headers.append(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
  const status = answer.statusCode ?? 502;
  if (bodiless.has(status)) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(answer) as ReadableStream, { status, headers });
}
