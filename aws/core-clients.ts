// Clients of the AWS services that the control plane's functions call, each imported and made when it is first used: a cold function pays only for what it calls.
// Region, credentials and endpoint (AWS_ENDPOINT_URL, for an emulator) come from the environment, as the SDK reads them.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Pluggable } from '@smithy/types';

/** What most functions call. */
export interface CoreClients {
  dynamo(): Promise<DynamoDBClient>;
  ssm(): Promise<SSMClient>;
  sqs(): Promise<SQSClient>;
  lambda(): Promise<LambdaClient>;
  /**
   * Adds middleware to every client, those made already and those to come: a meter of requests and capacity, faults of a
   * test. Plugins add up.
   */
  use(plugin: AwsPlugin): void;
}

/** As every client of the SDK takes it; it sees the requests of all services. */
export type AwsPlugin = Pluggable<object, object>;

export interface ClientOptions {
  /** From the environment if absent. */
  region?: string;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

/** Every client has a stack of middleware, typed by its own service: the place where a plugin for all of them goes. */
const addTo = (client: { middlewareStack: unknown }, plugin: AwsPlugin): void =>
  (client.middlewareStack as { use(plugin: AwsPlugin): void }).use(plugin);

/** Three attempts with growing pauses: the SDK's standard mode. Writers that must know whether they were lost count on it. */
const standard = { retryMode: 'standard', maxAttempts: 3 } as const;

/**
 * The SDK waits for ever by default. A table answers within milliseconds, so that an attempt that stalls is tried again before
 * the store gives the whole call up. In milliseconds.
 */
const tableTimeouts = { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true };

/** Makes a client at its first use, with every plugin that was added before or is added later. */
export class LazyClients {
  readonly config: ClientOptions;
  readonly #made: { middlewareStack: unknown }[] = [];
  readonly #plugins: AwsPlugin[] = [];

  constructor(options: ClientOptions) {
    this.config = { ...standard, ...options };
  }

  lazily<T extends { middlewareStack: unknown }>(make: (config: ClientOptions) => Promise<T>): () => Promise<T> {
    let client: Promise<T> | undefined;
    return () => {
      client ??= make(this.config).then((fresh) => {
        for (const plugin of this.#plugins) addTo(fresh, plugin);
        this.#made.push(fresh);
        return fresh;
      });
      return client;
    };
  }

  use(plugin: AwsPlugin): void {
    this.#plugins.push(plugin);
    for (const client of this.#made) addTo(client, plugin);
  }
}

export function coreClients(options: ClientOptions = {}, lazy = new LazyClients(options)): CoreClients {
  return {
    dynamo: lazy.lazily(
      async (config) =>
        new (await import('./sdk/dynamodb.ts')).DynamoDBClient({ ...config, requestHandler: tableTimeouts }),
    ),
    ssm: lazy.lazily(async (config) => new (await import('./sdk/ssm.ts')).SSMClient(config)),
    sqs: lazy.lazily(async (config) => new (await import('./sdk/sqs.ts')).SQSClient(config)),
    lambda: lazy.lazily(async (config) => new (await import('./sdk/lambda.ts')).LambdaClient(config)),
    use: (plugin) => lazy.use(plugin),
  };
}
