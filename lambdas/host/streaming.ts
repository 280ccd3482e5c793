// What Lambda's runtime for Node offers to functions whose answer is a stream.
// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
import type { Writable } from 'node:stream';
import type { Context } from 'aws-lambda';

/** What goes before the body, for API Gateway. */
export interface Prelude {
  statusCode: number;
  headers: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
}

export type StreamHandler<E> = (event: E, stream: Writable, context: Context) => Promise<void>;

export interface StreamingRuntime {
  streamifyResponse<E>(handler: StreamHandler<E>): unknown;
  HttpResponseStream: { from(stream: Writable, prelude: Prelude): Writable };
}

/** Throws an Error where there is none: the function then has to answer in one piece. */
export function streamingRuntime(): StreamingRuntime {
  const { awslambda } = globalThis as unknown as { awslambda?: StreamingRuntime };
  if (!awslambda) throw new Error('this runtime streams no responses: set SLIPWAY_RESPONSES to "buffer"');
  return awslambda;
}
