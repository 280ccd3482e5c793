// slipway token: what kubectl runs to call a cluster on AWS (client-go credential plugin).
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
import { assumeRole } from '../../aws/identity/assume-role.ts';
import { awsCredentials } from '../../aws/identity/credentials.ts';
import { stsEndpointOf } from '../../aws/identity/endpoints.ts';
import { type IdentityToken, identityToken } from '../../aws/identity/token.ts';
import { Failure } from '../../local/failure.ts';
import { awsRegion } from '../aws-region.ts';

export interface TokenCommandOptions {
  cluster: string;
  region?: string;
  role?: string;
}

export async function tokenCommand({ cluster, region: given, role }: TokenCommandOptions): Promise<void> {
  const nowMs = Date.now();
  const region = await awsRegion(given);
  const endpoint = stsEndpointOf(process.env);
  const where = { region, ...(endpoint ? { endpoint } : {}), nowMs };
  const own = await credentials();
  const used = role ? await taken(assumeRole({ ...where, credentials: own, role, session: 'slipway' })) : own;
  const token = await identityToken({ ...where, credentials: used, cluster });
  process.stdout.write(`${JSON.stringify(execCredential(token))}\n`);
}

async function credentials() {
  try {
    return await awsCredentials()();
  } catch (error) {
    throw new Failure(
      `no AWS credentials were found: ${(error as Error).message}`,
      'log in: aws login, or aws configure',
    );
  }
}

async function taken<T>(role: Promise<T>): Promise<T> {
  try {
    return await role;
  } catch (error) {
    throw new Failure((error as Error).message, 'ask for sts:AssumeRole on it, or leave --role out');
  }
}

/** `client.authentication.k8s.io/v1`. kubectl asks again after the time that it names. */
export const execCredential = ({ token, expiresAtMs }: IdentityToken): object => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  kind: 'ExecCredential',
  spec: { interactive: false },
  status: { token, expirationTimestamp: `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z` },
});
