// ECR over the SDK: tokens by region.
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { EcrCredentials, type EcrToken } from './credentials.ts';
import type { EcrHost } from './hosts.ts';

const assumedLifeMs = 12 * 60 * 60_000;
/** An ECR that hangs must not hang a pod's start. */
const patienceMs = 15_000;

export interface EcrAuthorization extends EcrToken {
  /** Host of the caller's own registry, as `ACCOUNT.dkr.ecr.REGION.amazonaws.com` (an emulator may name itself, with a port). */
  registry: string;
}

/** Throws what the SDK throws, after its own retries, and an Error for an answer without a token. */
export async function askAuthorization(client: ECRClient, nowMs: number): Promise<EcrAuthorization> {
  const answer = await client.send(new GetAuthorizationTokenCommand({}), {
    abortSignal: AbortSignal.timeout(patienceMs),
  });
  const data = answer.authorizationData?.[0];
  const [username, ...password] = Buffer.from(data?.authorizationToken ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (!username || password.length === 0) throw new Error('ECR answered without an authorization token');
  return {
    username,
    password: password.join(':'),
    expiresAtMs: data?.expiresAt?.getTime() ?? nowMs + assumedLifeMs,
    registry: (data?.proxyEndpoint ?? '').replace(/^https?:\/\//, ''),
  };
}

/** Without a region: the one that environment or profile name. */
export const ecrClient = ({ region, fips }: { region?: string; fips: boolean }): ECRClient =>
  new ECRClient({ ...(region ? { region } : {}), useFipsEndpoint: fips });

/** With the default chain's credentials. */
export function ecrCredentials(): EcrCredentials {
  const clients = new Map<string, ECRClient>();
  const clientOf = (of: Pick<EcrHost, 'region' | 'fips'>): ECRClient => {
    const key = JSON.stringify([of.region, of.fips]);
    const client = clients.get(key) ?? ecrClient(of);
    clients.set(key, client);
    return client;
  };
  return new EcrCredentials({
    ask: (of) => askAuthorization(clientOf(of), Date.now()),
    now: () => Date.now(),
  });
}
