// AWS's services as the functions' SDK clients meet them, answered in this process: a plugin that stands where the network does.
import { createHash } from 'node:crypto';
import type { AwsPlugin } from '../../aws/core-clients.ts';
import type { Processor } from './processor.ts';
import { type MemoryTables, Refused } from './tables.ts';
import type { SimulatedTime } from './time.ts';

/** How long a call takes, in milliseconds, to and from: taken to be so (AWS says "single-digit milliseconds" of DynamoDB). */
export interface Latencies {
  read: number;
  write: number;
  transaction: number;
  other: number;
}

export interface Services {
  time: SimulatedTime;
  processor: Processor;
  tables: MemoryTables;
  latencies: Latencies;
  /** SSM parameters by name. */
  parameters: Map<string, { Value: string; Type: string }>;
  /** An asynchronous invocation. */
  invoke(name: string, event: unknown): void;
  /** Most invocations of a function at once. */
  reserve(name: string, executions: number): void;
  /** A delayed message. */
  message(delaySeconds: number): void;
}

interface Request {
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

interface Answer {
  status: number;
  body: object | undefined;
}

const done = (body: object | undefined, status = 200): Answer => ({ status, body });

export const servicesPlugin = (services: Services): AwsPlugin => ({
  applyToStack(stack) {
    stack.add(
      (_next, context) => async (args) => {
        const { request } = args as unknown as { request: Request };
        const { clientName = '', commandName = '' } = context as { clientName?: string; commandName?: string };
        const operation = commandName.replace(/Command$/, '');
        const isDynamo = clientName === 'DynamoDBClient';
        const { latencies, time, processor } = services;
        const latency = isDynamo ? latencyOf(operation, latencies) : latencies.other;
        // It takes effect on the way.
        await time.sleep(latency / 2);
        const response = processor.notCounted(() => {
          const input = JSON.parse(textOf(request.body) || '{}') as never;
          return httpOf(isDynamo ? dynamo(services, operation, input) : other(services, operation, request, input));
        });
        await time.sleep(latency / 2);
        return { response } as never;
      },
      { step: 'deserialize', priority: 'low', name: 'servicesInMemory' },
    );
  },
});

const latencyOf = (operation: string, { read, write, transaction }: Latencies): number => {
  if (operation === 'TransactWriteItems') return transaction;
  return operation === 'PutItem' || operation === 'UpdateItem' ? write : read;
};

const textOf = (body: string | Uint8Array | undefined): string =>
  body === undefined ? '' : typeof body === 'string' ? body : new TextDecoder().decode(body);

function dynamo({ tables }: Services, operation: string, input: never): Answer {
  try {
    return done(tables.answer(operation, input));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return done(
      { __type: `com.amazonaws.dynamodb.v20120810#${error.name}`, message: error.name, ...error.details },
      400,
    );
  }
}

interface Asked {
  Path?: string;
  Name?: string;
  Value?: string;
  Type?: string;
  ReservedConcurrentExecutions?: number;
  DelaySeconds?: number;
  MessageBody?: string;
}

/** `/2015-03-31/functions/NAME/invocations`. */
const nameIn = (path: string): string => decodeURIComponent(path.split('/').at(-2)!);

function other(services: Services, operation: string, { path }: Request, input: Asked): Answer {
  const { parameters } = services;
  switch (operation) {
    case 'GetParametersByPath': {
      const found = [...parameters].filter(([name]) => name.startsWith(`${input.Path}/`));
      return done({ Parameters: found.map(([Name, value]) => ({ Name, ...value })) });
    }
    case 'PutParameter':
      parameters.set(input.Name!, { Value: input.Value!, Type: input.Type ?? 'String' });
      return done({ Version: 1 });
    case 'Invoke':
      services.invoke(nameIn(path), input);
      return done(undefined, 202);
    case 'PutFunctionConcurrency':
      services.reserve(nameIn(path), input.ReservedConcurrentExecutions!);
      return done(input);
    case 'SendMessage':
      services.message(input.DelaySeconds ?? 0);
      // The SDK checks it.
      return done({
        MessageId: 'message',
        MD5OfMessageBody: createHash('md5').update(input.MessageBody!).digest('hex'),
      });
    default:
      throw new Error(`nobody answers ${operation} here`);
  }
}

function httpOf({ status, body }: Answer): object {
  const bytes = Buffer.from(body ? JSON.stringify(body) : '');
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'content-length': String(bytes.length) };
  return { statusCode: status, headers, body: bytes };
}
