// Answers as streams: status and headers first, then the body as it comes. Watches and followed logs stay open.
import type { Writable } from 'node:stream';
import type { Context } from 'aws-lambda';
import type { Clock, Log } from '../../core/ports.ts';
import type { Composed } from '../host/compose.ts';
import { pump } from '../host/pump.ts';
import type { Prelude, StreamingRuntime } from '../host/streaming.ts';
import { keepAliveMs, type Limits, limitsOf, quietLimitMs } from './limits.ts';
import { type ProxyEvent, peerOf, requestOf } from './request.ts';
import { failureResponse, type Served, serve } from './serve.ts';

export interface StreamOptions {
  compose(): Promise<Pick<Composed, 'api' | 'follow'>>;
  /** Until there is more: for what goes wrong before. */
  clock: Clock;
  log: Log;
  runtime: Pick<StreamingRuntime, 'HttpResponseStream'>;
}

export const streamingHandler =
  ({ compose, clock, log, runtime }: StreamOptions) =>
  async (event: ProxyEvent, stream: Writable, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<void> => {
    const limits = limitsOf('stream', context.getRemainingTimeInMillis());
    const gone = new AbortController();
    const { response, done, endless, watch } = await answer(event, limits, gone.signal, compose, log);
    try {
      const to = runtime.HttpResponseStream.from(stream, preludeOf(response));
      // The head goes out with the first write, and a watch's client waits for it: an answer without a body has to have one too.
      to.write('');
      const json = response.headers.get('content-type')?.startsWith('application/json');
      await pump(response.body, to, {
        clock,
        endless,
        limitMs: limits.answerMs,
        ...(watch && json
          ? { quietMs: keepAliveMs, keepAlive: new TextEncoder().encode('\n') }
          : { quietMs: quietLimitMs }),
        onGone: () => gone.abort(),
      });
    } finally {
      done();
    }
  };

async function answer(
  event: ProxyEvent,
  limits: Limits,
  signal: AbortSignal,
  compose: StreamOptions['compose'],
  log: Log,
): Promise<Served> {
  let request: Request | undefined;
  try {
    request = requestOf(event, signal);
    return await serve(await compose(), request, peerOf(event), limits);
  } catch (error) {
    return { response: failureResponse(request, error, log), done: () => undefined, endless: false, watch: false };
  }
}

/** Headers that belong to one connection, or that API Gateway counts itself. */
const notPassed = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'content-length']);

export function preludeOf(response: Response): Prelude {
  const headers: Record<string, string> = {};
  for (const [name, value] of response.headers) {
    if (!notPassed.has(name) && name !== 'set-cookie') headers[name] = value;
  }
  const cookies = response.headers.getSetCookie();
  return {
    statusCode: response.status,
    headers,
    ...(cookies.length > 0 ? { multiValueHeaders: { 'set-cookie': cookies } } : {}),
  };
}
