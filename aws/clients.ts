// All clients of AWS services. Functions that start workers import these; the others core-clients.ts alone, because a bundle holds
// whatever its function may import, and EC2's client is as large as all the rest.
import type { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { type ClientOptions, type CoreClients, coreClients, LazyClients } from './core-clients.ts';

export interface AwsClients extends CoreClients {
  ecr(): Promise<ECRClient>;
  ec2(): Promise<EC2Client>;
  autoScaling(): Promise<AutoScalingClient>;
}

export function awsClients(options: ClientOptions = {}): AwsClients {
  const lazy = new LazyClients(options);
  return {
    ...coreClients(options, lazy),
    ecr: lazy.lazily(async (config) => new (await import('./sdk/ecr.ts')).ECRClient(config)),
    ec2: lazy.lazily(async (config) => new (await import('./sdk/ec2.ts')).EC2Client(config)),
    autoScaling: lazy.lazily(async (config) => new (await import('./sdk/auto-scaling.ts')).AutoScalingClient(config)),
  };
}
