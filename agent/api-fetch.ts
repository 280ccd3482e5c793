// `fetch` over TLS with the node's client certificate: Node's own fetch takes no certificates. Connections stay open.
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent, request as tlsRequest } from 'node:https';
import { Readable } from 'node:stream';

export interface Credentials {
  /** PEM of the CA that the API server's certificate is checked against; the public authorities when absent. */
  ca?: string;
  /** The node's own, once it has one. */
  certificate?: { key: string; cert: string };
  /** Bootstrap token, until then. */
  token?: string;
}

const connectTimeoutMs = 10_000;
/** Most answers take milliseconds; a list of everything after a long absence takes longer. */
const answerTimeoutMs = 60_000;
/** The sync call, an event and a few tokens beside each other; what a rush opened is closed after it. */
const connections = { keepAlive: true, maxSockets: 6, maxFreeSockets: 3 };
const noBody = new Set([101, 204, 205, 304]);

function responseOf(answer: IncomingMessage): Response {
  const headers = new Headers();
  for (let i = 0; i < answer.rawHeaders.length; i += 2)
    headers.append(answer.rawHeaders[i]!, answer.rawHeaders[i + 1]!);
  const status = answer.statusCode ?? 500;
  if (noBody.has(status)) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(answer) as unknown as ReadableStream, { status, headers });
}

type Send = (request: Request, token?: string) => Promise<Response>;

/** @param credentials asked for each request, so that a renewed certificate is used at once */
export function apiFetch(credentials: () => Credentials): { fetch: Send; close(): void } {
  let agent: Agent | undefined;
  let used: string | undefined;
  const plain = new PlainAgent({ keepAlive: true, maxSockets: 8, timeout: answerTimeoutMs });
  const agentFor = (now: Credentials): Agent => {
    if (agent && used === (now.certificate?.cert ?? '')) return agent;
    agent?.destroy();
    used = now.certificate?.cert ?? '';
    agent = new Agent({ ...connections, timeout: answerTimeoutMs, ca: now.ca, ...now.certificate });
    return agent;
  };
  const send: Send = async (request, given) => {
    const now = credentials();
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const headers: Record<string, string> = Object.fromEntries(request.headers);
    const token = given ?? (now.certificate ? undefined : now.token);
    if (token) headers['authorization'] = `Bearer ${token}`;
    if (body) headers['content-length'] = String(body.length);
    const { method, signal, url } = request;
    const options = { method, headers, signal, timeout: connectTimeoutMs };
    return new Promise((resolve, reject) => {
      const take = (answer: IncomingMessage): void => resolve(responseOf(answer));
      const outgoing = url.startsWith('http:')
        ? plainRequest(url, { ...options, agent: plain }, take)
        : tlsRequest(url, { ...options, agent: agentFor(now) }, take);
      outgoing.on('timeout', () => outgoing.destroy(new Error('the control plane does not answer')));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  };
  const close = (): void => {
    agent?.destroy();
    plain.destroy();
  };
  return { fetch: send, close };
}
