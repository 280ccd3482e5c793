// What Lambda's own runtime does around a handler, for functions that an emulator runs as processes of this machine: loading, the
// context, time-outs, the shape of errors, and response streams. Source: Lambda, "Using the Lambda runtime API" and "Response streaming".
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

export type Handler = (event: unknown, context: object) => unknown;

/** What a stream of a handler carries to whoever called, piece by piece. */
type OnChunk = (chunk: Buffer) => void;

interface StreamedHandler {
  (event: unknown, context: object, onChunk: OnChunk): Promise<void>;
  streamed: true;
}

/** Between the metadata (JSON) and the body of a streamed HTTP answer. */
const separator = Buffer.alloc(8);

function responseStream(onChunk: OnChunk): Writable {
  const stream = new Writable({
    write(chunk: Buffer | string, encoding, done) {
      onChunk(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
      done();
    },
  });
  return Object.assign(stream, { setContentType: () => undefined });
}

/** The global that functions find in Lambda's runtime for Node. */
const awslambda = {
  streamifyResponse(handler: (event: unknown, stream: Writable, context: object) => unknown): StreamedHandler {
    const streamed = async (event: unknown, context: object, onChunk: OnChunk): Promise<void> => {
      const stream = responseStream(onChunk);
      const ended = new Promise<void>((resolve, reject) => stream.on('finish', resolve).on('error', reject));
      await handler(event, stream, context);
      await ended;
    };
    return Object.assign(streamed, { streamed: true as const });
  },
  HttpResponseStream: {
    from(stream: Writable, metadata: object): Writable {
      stream.write(JSON.stringify(metadata));
      stream.write(separator);
      return stream;
    },
  },
};

/** Loads `index.handler` from the folder of the function's code. Throws what the module throws. */
export async function loadHandler(folder: string, handler: string): Promise<Handler | StreamedHandler> {
  Object.assign(globalThis, { awslambda });
  const dot = handler.lastIndexOf('.');
  const [module, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const file = ['.mjs', '.cjs', '.js'].map((end) => join(folder, module + end)).find((path) => existsSync(path));
  if (!file) throw new Error(`no module ${module} in the function's code`);
  const loaded = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  if (typeof loaded[name] !== 'function') throw new Error(`${handler} is undefined or not exported`);
  return loaded[name] as Handler;
}

export const isStreamed = (handler: Handler | StreamedHandler): handler is StreamedHandler => 'streamed' in handler;

export interface Invocation {
  requestId: string;
  functionArn: string;
  limitMs: number;
}

/** Environment as Lambda sets it. */
export function contextOf({ requestId, functionArn, limitMs }: Invocation): object {
  const { env } = process;
  const began = performance.now();
  return {
    awsRequestId: requestId,
    invokedFunctionArn: functionArn,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.round(limitMs - (performance.now() - began))),
  };
}

export interface FunctionFailure {
  errorType: string;
  errorMessage: string;
  stackTrace: string[];
}

/** As the runtime reports what a handler throws. */
export function failureOf(error: unknown): FunctionFailure {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { errorType: name, errorMessage: message, stackTrace: (stack ?? '').split('\n').slice(1) };
}
