// What the guestbook's programs share: an HTTP server that says when it is ready and that ends without failing a request, and
// calls to the others.
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of the image. */
const version = process.env['VERSION'] ?? '0';
/** From SIGTERM to the end of listening: nodes learn meanwhile that this pod leaves, and until they know, requests come. */
const drainSeconds = Number(process.env['DRAIN_SECONDS'] ?? 15);
/** Of a request's body, in bytes. */
const longestBody = 64 * 1024;
const patienceMs = 20_000;
/** Longer than clients keep an idle connection, so that it is never closed while a request is on its way. */
const keepAliveMs = 65_000;

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify(value)}\n`,
});

/** What a handler throws to refuse a request: the client is told. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Throws Refusal when it is too long. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > longestBody) throw new Refusal(413, 'that is too long');
  let length = 0;
  request.on('data', (piece: Buffer) => {
    if ((length += piece.length) > longestBody) request.destroy();
  });
  return (await buffer(request)).toString();
}

/**
 * Answers on port 8080 until SIGTERM, and then: /readyz says no, connections are closed as they are answered, and after the
 * drain nothing new is taken. The process ends when the last request has its answer.
 */
export function serve(name: string, handle: (request: IncomingMessage) => Promise<Reply>): void {
  let leaves = false;
  const answer = async (request: IncomingMessage): Promise<Reply> => {
    if (request.url === '/livez') return { status: 200 };
    if (request.url === '/readyz') return { status: leaves ? 503 : 200 };
    try {
      return await handle(request);
    } catch (error) {
      if (error instanceof Refusal) return json(error.status, { message: error.message });
      console.error(`${request.method} ${request.url}:`, error);
      return json(500, { message: 'something went wrong here' });
    }
  };
  const server = createServer(async (request, response: ServerResponse) => {
    const { status, headers, body } = await answer(request);
    response.setHeader(`x-${name}`, `${hostname()} version ${version}`);
    // Whoever keeps the connection would go on asking this pod.
    if (leaves) response.setHeader('connection', 'close');
    response.writeHead(status, headers).end(body);
  });
  server.keepAliveTimeout = keepAliveMs;
  server.listen(8080, () => console.log(`${name} version ${version} answers on port 8080`));
  process.once('SIGTERM', async () => {
    leaves = true;
    console.log(`${name} leaves in ${drainSeconds} s`);
    await sleep(drainSeconds * 1000);
    server.close(() => console.log(`${name} has left`));
  });
}

export interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/**
 * Asks another service, which its name in DNS leads to. Each call has a connection of its own: a service's pods are chosen by
 * connection, and one that is kept would stay with its pod. Throws Refusal when there is no answer.
 */
export function call(url: string, { method = 'GET', headers, body }: Call = {}): Promise<Required<Reply>> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      console.error(`${method} ${url}: ${error.message}`);
      reject(new Refusal(503, `${new URL(url).hostname} does not answer`));
    };
    const request = open(url, { method, headers, agent: false, timeout: patienceMs }, (response) => {
      buffer(response).then(
        (read) => resolve({ status: response.statusCode ?? 502, headers: flat(response), body: read }),
        failed,
      );
    });
    request.on('timeout', () => request.destroy(new Error(`silent for ${patienceMs / 1000} s`)));
    request.on('error', failed).end(body);
  });
}

/** What is handed on of an answer: its type, and which pods it came from. */
const flat = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([key, value]) =>
      (key === 'content-type' || key.startsWith('x-')) && typeof value === 'string' ? [[key, value]] : [],
    ),
  );
