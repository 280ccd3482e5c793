// Invocations of another function, in the three ways that Lambda knows.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-invocation.html
import type { CoreClients } from './core-clients.ts';

export interface Invoker {
  /** Resolves once Lambda has taken the event. */
  later(event: unknown): Promise<void>;
  /** The returned value. Throws an Error for a function that failed. */
  whole(event: unknown, signal?: AbortSignal): Promise<unknown>;
  /** The bytes as the function writes them. Throws an Error, at the end, for a function that failed. */
  streamed(event: unknown, signal?: AbortSignal): Promise<AsyncGenerator<Uint8Array, void>>;
}

const encode = (event: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(event));

const failure = (name: string, why: string | undefined): Error =>
  new Error(`the function ${name} failed: ${why || 'no reason was given'}`);

function messageOf(payload: Uint8Array | undefined): string | undefined {
  try {
    const { errorMessage } = JSON.parse(new TextDecoder().decode(payload)) as { errorMessage?: unknown };
    return typeof errorMessage === 'string' ? errorMessage : undefined;
  } catch {
    return undefined;
  }
}

export function invoker(clients: CoreClients, name: string): Invoker {
  const options = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});
  return {
    async later(event) {
      const { InvokeCommand } = await import('./sdk/lambda.ts');
      const lambda = await clients.lambda();
      await lambda.send(new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload: encode(event) }));
    },
    async whole(event, signal) {
      const { InvokeCommand } = await import('./sdk/lambda.ts');
      const lambda = await clients.lambda();
      const command = new InvokeCommand({ FunctionName: name, Payload: encode(event) });
      const { FunctionError, Payload } = await lambda.send(command, options(signal));
      if (FunctionError) throw failure(name, messageOf(Payload));
      return JSON.parse(new TextDecoder().decode(Payload));
    },
    async streamed(event, signal) {
      const { InvokeWithResponseStreamCommand } = await import('./sdk/lambda.ts');
      const lambda = await clients.lambda();
      const command = new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: encode(event) });
      const { EventStream } = await lambda.send(command, options(signal));
      return chunksOf(name, EventStream ?? none());
    },
  };
}

interface StreamEvent {
  PayloadChunk?: { Payload?: Uint8Array };
  InvokeComplete?: { ErrorCode?: string; ErrorDetails?: string };
}

async function* none(): AsyncGenerator<StreamEvent, void> {}

async function* chunksOf(name: string, events: AsyncIterable<StreamEvent>): AsyncGenerator<Uint8Array, void> {
  for await (const { PayloadChunk, InvokeComplete } of events) {
    if (PayloadChunk?.Payload?.length) yield PayloadChunk.Payload;
    if (InvokeComplete?.ErrorCode) throw failure(name, InvokeComplete.ErrorDetails ?? InvokeComplete.ErrorCode);
  }
}
