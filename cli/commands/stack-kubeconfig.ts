// slipway kubeconfig --stack: a context for a cluster on AWS. Who calls is whoever runs kubectl: it asks `slipway token`.
import { fileURLToPath } from 'node:url';
import { readParameter } from '../../aws/cluster-keys.ts';
import { coreClients } from '../../aws/core-clients.ts';
import { parameters, parametersPrefix } from '../../aws/names.ts';
import { Failure } from '../../local/failure.ts';
import { addContext, defaultKubeconfig, type Kubeconfig, kubeconfigText } from '../../local/kubeconfig.ts';
import { awsRegion } from '../aws-region.ts';

export interface StackOptions {
  stack: string;
  region?: string;
  /** An emulator's. */
  endpoint?: string;
  /** ARN. */
  role?: string;
  add?: boolean;
  kubeconfig?: string;
}

export async function stackKubeconfig(options: StackOptions): Promise<void> {
  const region = await awsRegion(options.region);
  const endpoint = options.endpoint ?? process.env['AWS_ENDPOINT_URL'];
  const server = await apiUrlOf(options.stack, region, endpoint);
  const context = `${options.stack}.${region}`;
  const config = stackConfig({ ...options, region, endpoint, server, context, profile: process.env['AWS_PROFILE'] });
  if (!options.add) {
    process.stdout.write(kubeconfigText(config));
    return;
  }
  const file = options.kubeconfig ?? defaultKubeconfig();
  await addContext(file, context, config);
  process.stdout.write(`context ${context} is in ${file}, and is the current one\n`);
}

async function apiUrlOf(stack: string, region: string, endpoint: string | undefined): Promise<string> {
  const name = `${parametersPrefix(stack)}/${parameters.apiUrl}`;
  let found: string | undefined;
  try {
    found = await readParameter(coreClients({ region, ...(endpoint ? { endpoint } : {}) }), name);
  } catch (error) {
    throw new Failure(
      `SSM parameter ${name} cannot be read in ${region}: ${(error as Error).message}`,
      'log in: aws login',
    );
  }
  if (!found)
    throw new Failure(`there is no cluster "${stack}" in ${region}: SSM parameter ${name} is missing`, 'cdk deploy');
  return found.replace(/\/$/, '');
}

interface Context extends StackOptions {
  region: string;
  server: string;
  context: string;
  profile: string | undefined;
}

/** API Gateway shows a certificate that everybody trusts. */
export function stackConfig({ stack, region, endpoint, role, server, context, profile }: Context): Kubeconfig {
  const environment = {
    ...(profile ? { AWS_PROFILE: profile } : {}),
    ...(endpoint ? { AWS_ENDPOINT_URL: endpoint } : {}),
  };
  const env = Object.entries(environment).map(([name, value]) => ({ name, value }));
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: fileURLToPath(new URL('../slipway.js', import.meta.url)),
    args: ['token', '--cluster', stack, '--region', region, ...(role ? ['--role', role] : [])],
    ...(env.length > 0 ? { env } : {}),
    interactiveMode: 'Never',
    provideClusterInfo: false,
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: context, cluster: { server } }],
    users: [{ name: context, user: { exec } }],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    'current-context': context,
  };
}
