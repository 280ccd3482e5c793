// Answers in one piece, where nothing can be streamed (most emulators). A watch is answered after a few seconds with what came;
// its client goes on from there.
import { promisify } from 'node:util';
import type { APIGatewayProxyResult, Context } from 'aws-lambda';
import { StatusError } from '../../core/api/errors.ts';
import type { Clock, Log } from '../../core/ports.ts';
import type { Composed } from '../host/compose.ts';
import { limitsOf } from './limits.ts';
import { type ProxyEvent, peerOf, requestOf } from './request.ts';
import { failureResponse, serve, statusResponse } from './serve.ts';
import { preludeOf } from './stream.ts';

export interface BufferOptions {
  compose(): Promise<Pick<Composed, 'api' | 'follow'>>;
  clock: Clock;
  log: Log;
}

/** Lambda's limit of an answer in one piece, 6 MB, less room for status and headers. */
const maxAnswerBytes = 6 * 1024 * 1024 - 64 * 1024;

const tooLarge = (): StatusError =>
  new StatusError(
    'RequestEntityTooLarge',
    'the answer is larger than the 6 MB that a function can give in one piece: ask for less at a time (limit, --chunk-size, --tail)',
  );

const tookTooLong = (): StatusError =>
  new StatusError('Timeout', 'the answer took longer than a function that answers in one piece may take');

export const bufferedHandler =
  ({ compose, clock, log }: BufferOptions) =>
  async (event: ProxyEvent, context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<APIGatewayProxyResult> => {
    const limits = limitsOf('buffer', context.getRemainingTimeInMillis());
    const gone = new AbortController();
    let request: Request | undefined;
    const late = new Promise<Response>((resolve) => {
      const cancel = clock.after(limits.answerMs, () => {
        resolve(statusResponse(request, tookTooLong()));
        gone.abort();
      });
      gone.signal.addEventListener('abort', cancel);
    });
    try {
      request = requestOf(event, gone.signal);
      const asked = request;
      const whole = async (): Promise<APIGatewayProxyResult> => {
        const { response, done } = await serve(await compose(), asked, peerOf(event), limits);
        return await resultOf(asked, response).finally(done);
      };
      const work = whole();
      // It may fail after its time, when nobody waits for it any more.
      work.catch(() => undefined);
      return await Promise.race([work, late.then((response) => resultOf(asked, response))]);
    } catch (error) {
      return await resultOf(request, failureResponse(request, error, log));
    } finally {
      gone.abort();
    }
  };

/** As API Gateway wants it: text as text, everything else as base64; what is too large is compressed if its client takes that. */
async function resultOf(request: Request | undefined, response: Response): Promise<APIGatewayProxyResult> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const { statusCode, headers, multiValueHeaders } = preludeOf(response);
  const more = multiValueHeaders ? { multiValueHeaders } : {};
  const text = isText(response) ? textOf(bytes) : undefined;
  const plain = text === undefined ? binary(bytes) : { body: text, isBase64Encoded: false };
  if (sizeOf(plain) <= maxAnswerBytes) return { statusCode, headers, ...more, ...plain };
  if (takesGzip(request) && !headers['content-encoding']) {
    const { gzip } = await import('node:zlib');
    const packed = binary(await promisify(gzip)(bytes));
    const packedHeaders = { ...headers, 'content-encoding': 'gzip' };
    if (sizeOf(packed) <= maxAnswerBytes) return { statusCode, headers: packedHeaders, ...more, ...packed };
  }
  return await resultOf(request, statusResponse(request, tooLarge()));
}

const binary = (bytes: Buffer) => ({ body: bytes.toString('base64'), isBase64Encoded: true });

/** What it takes in the JSON that Lambda carries it in. */
const sizeOf = ({ body }: { body: string }): number => Buffer.byteLength(JSON.stringify(body));

const takesGzip = (request: Request | undefined): boolean =>
  /(^|,)\s*gzip\s*(;q=(?!0(\.0*)?\s*(,|$))|,|$)/.test(request?.headers.get('accept-encoding') ?? '');

const isText = ({ headers }: Response): boolean =>
  !headers.has('content-encoding') && /^(text\/|application\/json)/.test(headers.get('content-type') ?? '');

function textOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
