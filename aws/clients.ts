// Clients of the AWS services, each imported and made when it is first used: a cold function pays only for what it calls.
// Region, credentials and endpoint (AWS_ENDPOINT_URL, for an emulator) come from the environment, as the SDK reads them.
import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ECRClient } from '@aws-sdk/client-ecr';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { Pluggable } from '@smithy/types';

export interface AwsClients {
  dynamo(): Promise<DynamoDBClient>;
  ssm(): Promise<SSMClient>;
  sqs(): Promise<SQSClient>;
  ecr(): Promise<ECRClient>;
  ec2(): Promise<EC2Client>;
  autoScaling(): Promise<AutoScalingClient>;
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

export function awsClients(options: ClientOptions = {}): AwsClients {
  const config = { ...standard, ...options };
  const made: { middlewareStack: unknown }[] = [];
  const plugins: AwsPlugin[] = [];
  const lazily = <T extends { middlewareStack: unknown }>(make: () => Promise<T>): (() => Promise<T>) => {
    let client: Promise<T> | undefined;
    return () => {
      client ??= make().then((fresh) => {
        for (const plugin of plugins) addTo(fresh, plugin);
        made.push(fresh);
        return fresh;
      });
      return client;
    };
  };
  return {
    dynamo: lazily(async () => new (await import('@aws-sdk/client-dynamodb')).DynamoDBClient(config)),
    ssm: lazily(async () => new (await import('@aws-sdk/client-ssm')).SSMClient(config)),
    sqs: lazily(async () => new (await import('@aws-sdk/client-sqs')).SQSClient(config)),
    ecr: lazily(async () => new (await import('@aws-sdk/client-ecr')).ECRClient(config)),
    ec2: lazily(async () => new (await import('@aws-sdk/client-ec2')).EC2Client(config)),
    autoScaling: lazily(async () => new (await import('@aws-sdk/client-auto-scaling')).AutoScalingClient(config)),
    lambda: lazily(async () => new (await import('@aws-sdk/client-lambda')).LambdaClient(config)),
    use(plugin) {
      plugins.push(plugin);
      for (const client of made) addTo(client, plugin);
    },
  };
}
