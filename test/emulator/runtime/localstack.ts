// The process of one execution environment under LocalStack (test/emulator/localstack-plugin): takes invocations by HTTP, one at a
// time, and posts logs and answers to LocalStack's endpoint, as the runtime in its containers does.
import { Agent, createServer, request } from 'node:http';
import { contextOf, failureOf, type Handler, isStreamed, loadHandler } from './function.ts';

const { env } = process;
const endpoint = new URL(env['LOCALSTACK_RUNTIME_ENDPOINT']!);
const id = env['LOCALSTACK_RUNTIME_ID']!;
const limitMs = Number(env['AWS_LAMBDA_FUNCTION_TIMEOUT']) * 1000;
const agent = new Agent({ keepAlive: true });

interface Order {
  'invoke-id': string;
  'invoked-function-arn': string;
  payload?: string;
  'trace-id'?: string;
}

function post(path: string, body: unknown): Promise<void> {
  const text = body === undefined ? 'null' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const { hostname: host, port, pathname } = endpoint;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const sent = request({ host, port, path: pathname + path, method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', resolve);
    });
    sent.on('error', reject).end(text);
  });
}

/** What the function prints during an invocation goes to its log, and to this process' own output. */
let printed = '';
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((chunk: unknown, ...rest: unknown[]) => {
    printed += String(chunk);
    return write(chunk, ...rest);
  }) as typeof stream.write;
}

async function load(): Promise<Handler> {
  const handler = await loadHandler(env['LAMBDA_TASK_ROOT']!, env['_HANDLER']!);
  if (isStreamed(handler)) throw new Error('LocalStack cannot stream responses: deploy with -c responses=buffer');
  return handler;
}

/** Rejects when the time is over; Lambda then ends the environment, and so does LocalStack. */
function overtime(requestId: string): { promise: Promise<never>; cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const promise = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimedOut(requestId)), limitMs);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

class TimedOut extends Error {
  constructor(requestId: string) {
    super(`${new Date().toISOString()} ${requestId} Task timed out after ${(limitMs / 1000).toFixed(2)} seconds`);
  }
}

async function invoke(handler: Handler, order: Order): Promise<void> {
  const requestId = order['invoke-id'];
  env['_X_AMZN_TRACE_ID'] = order['trace-id'] ?? '';
  printed = '';
  const began = performance.now();
  const context = contextOf({ requestId, functionArn: order['invoked-function-arn'], limitMs });
  const limit = overtime(requestId);
  let answer: unknown;
  let failure: object | undefined;
  try {
    const event: unknown = order.payload ? JSON.parse(order.payload) : {};
    answer = await Promise.race([Promise.resolve(handler(event, context)), limit.promise]);
  } catch (error) {
    failure = error instanceof TimedOut ? { errorMessage: error.message } : failureOf(error);
  }
  limit.cancel();
  const version = env['AWS_LAMBDA_FUNCTION_VERSION'];
  const duration = (performance.now() - began).toFixed(2);
  const logs = `START RequestId: ${requestId} Version: ${version}\n${printed}END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${duration} ms\n`;
  await post(`/invocations/${requestId}/logs`, { logs });
  if (failure) await post(`/invocations/${requestId}/error`, failure);
  else await post(`/invocations/${requestId}/response`, answer);
  // What a handler that was given up goes on doing must not reach the next invocation.
  if (failure && !('errorType' in failure)) process.exit(1);
}

try {
  const handler = await load();
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      outgoing.end('{}');
      void invoke(handler, JSON.parse(Buffer.concat(parts).toString()) as Order);
    });
  });
  server.listen(Number(env['SLIPWAY_FUNCTION_PORT']), '127.0.0.1', () => void post(`/status/${id}/ready`, {}));
} catch (error) {
  await post(`/status/${id}/error`, failureOf(error));
  process.exit(1);
}
